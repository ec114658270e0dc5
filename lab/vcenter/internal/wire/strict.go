package wire

import (
	"encoding/xml"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

const schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"

// Check compares a request with the schema as vCenter's parser does: elements
// must be known, in the declared order (base type first), not repeated unless
// they are lists, and the required ones present.
func Check(body []byte) error {
	d := xml.NewDecoder(strings.NewReader(string(body)))
	for inBody := false; ; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !inBody {
			if start.Name.Local == "Header" {
				if err = d.Skip(); err != nil {
					return err
				}
			}
			inBody = start.Name.Local == "Body"
			continue
		}
		if start.Name.Space != namespace {
			return fmt.Errorf("%s is in namespace %q, not %q", start.Name.Local, start.Name.Space, namespace)
		}
		kind, ok := vimType(start.Name.Local)
		if !ok {
			return fmt.Errorf("no such method: %s", start.Name.Local)
		}
		return check(d, start, kind, start.Name.Local)
	}
}

type element struct {
	name     string
	kind     reflect.Type
	list     bool
	required bool
}

var layouts sync.Map // reflect.Type -> []element

// layout lists a struct's elements in schema order.
func layout(t reflect.Type) []element {
	if known, ok := layouts.Load(t); ok {
		return known.([]element)
	}
	var out []element
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		if f.Anonymous {
			if f.Type.Kind() == reflect.Struct {
				out = append(out, layout(f.Type)...)
			}
			continue
		}
		tag := strings.Split(f.Tag.Get("xml"), ",")
		options := strings.Join(tag[1:], ",")
		if tag[0] == "" || tag[0] == "-" || strings.Contains(options, "attr") && !strings.Contains(options, "typeattr") {
			continue
		}
		e := element{name: tag[0], kind: f.Type}
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() != reflect.Uint8 {
			e.list, e.kind = true, f.Type.Elem()
		}
		e.required = !e.list && f.Type.Kind() != reflect.Pointer && !strings.Contains(options, "omitempty")
		out = append(out, e)
	}
	layouts.Store(t, out)
	return out
}

// simple are the XML Schema types a client may put into an anyType.
var simple = map[string]bool{
	"boolean": true, "byte": true, "short": true, "int": true, "long": true, "float": true, "double": true,
	"string": true, "dateTime": true, "base64Binary": true,
}

var (
	timeType  = reflect.TypeOf(time.Time{})
	morefType = reflect.TypeOf(types.ManagedObjectReference{})
)

func check(d *xml.Decoder, start xml.StartElement, kind reflect.Type, at string) error {
	kind, err := actual(start, kind, at)
	if err != nil {
		return err
	}
	if kind == nil || kind.Kind() != reflect.Struct || kind == timeType || kind == morefType {
		return leaf(d, at)
	}
	elements := layout(kind)
	seen := make([]int, len(elements))
	next := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		switch child := token.(type) {
		case xml.EndElement:
			for i, e := range elements {
				if e.required && seen[i] == 0 {
					return fmt.Errorf("%s lacks %s", at, e.name)
				}
			}
			return nil
		case xml.StartElement:
			i := indexOf(elements, child.Name.Local)
			switch {
			case i < 0:
				return fmt.Errorf("%s has no element %s", at, child.Name.Local)
			case i < next:
				return fmt.Errorf("%s.%s is out of order", at, child.Name.Local)
			case seen[i] > 0 && !elements[i].list:
				return fmt.Errorf("%s.%s is repeated", at, child.Name.Local)
			}
			next = i
			seen[i]++
			if err := check(d, child, elements[i].kind, at+"."+child.Name.Local); err != nil {
				return err
			}
		}
	}
}

// actual resolves xsi:type; where a base type is declared and none is given, the base itself.
func actual(start xml.StartElement, kind reflect.Type, at string) (reflect.Type, error) {
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	for _, a := range start.Attr {
		if a.Name.Local == "type" && a.Name.Space == schemaInstance {
			if prefix, local, ok := strings.Cut(a.Value, ":"); ok && (prefix == "xsd" || prefix == "xs") && simple[local] {
				return nil, nil
			}
			named, ok := Type(a.Value)
			if !ok {
				return nil, fmt.Errorf("%s has an unknown type %s", at, a.Value)
			}
			for named.Kind() == reflect.Pointer {
				named = named.Elem()
			}
			return named, nil
		}
	}
	if kind.Kind() == reflect.Interface {
		name := strings.TrimPrefix(kind.Name(), "Base")
		if name == "" || name == "AnyType" {
			return nil, fmt.Errorf("%s lacks xsi:type", at)
		}
		if base, ok := vimType(name); ok {
			return base, nil
		}
		return nil, fmt.Errorf("%s lacks xsi:type", at)
	}
	return kind, nil
}

func leaf(d *xml.Decoder, at string) error {
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch child := token.(type) {
		case xml.StartElement:
			return fmt.Errorf("%s has no element %s", at, child.Name.Local)
		case xml.EndElement:
			return nil
		}
	}
}

func indexOf(elements []element, name string) int {
	for i, e := range elements {
		if e.name == name {
			return i
		}
	}
	return -1
}
