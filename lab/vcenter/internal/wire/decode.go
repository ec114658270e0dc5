// Package wire reads and writes vim25 SOAP envelopes.
package wire

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

var vimType = types.TypeFunc()

// Type finds a vim25 type by the name given in xsi:type,
// whatever prefix the client bound to the namespace.
func Type(name string) (reflect.Type, bool) {
	if kind, ok := vimType(name); ok {
		return kind, true
	}
	if _, local, ok := strings.Cut(name, ":"); ok {
		return vimType(local)
	}
	return nil, false
}

// Decode reads one request envelope.
func Decode(body []byte) (*simulator.Method, error) {
	return simulator.UnmarshalBody(Type, body)
}
