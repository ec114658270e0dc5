package wire

import (
	"bytes"
	"reflect"
	"strings"

	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

const namespace = "urn:vim25"

type envelope struct {
	XMLName xml.Name `xml:"soapenv:Envelope"`
	Env     string   `xml:"xmlns:soapenv,attr"`
	XSD     string   `xml:"xmlns:xsd,attr"`
	XSI     string   `xml:"xmlns:xsi,attr"`
	Body    any      `xml:"soapenv:Body"`
}

func write(body any) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(xml.Header)
	err := xml.NewEncoder(&out).Encode(&envelope{
		Env:  "http://schemas.xmlsoap.org/soap/envelope/",
		XSD:  "http://www.w3.org/2001/XMLSchema",
		XSI:  "http://www.w3.org/2001/XMLSchema-instance",
		Body: body,
	})
	return out.Bytes(), err
}

type response struct {
	method string
	result any
}

type returned struct {
	Returnval any `xml:"returnval,omitempty"`
}

// MarshalXML writes <MethodResponse xmlns="urn:vim25">. A result that is itself
// a response struct of package types is written as it stands.
func (r *response) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	name := r.method + "Response"
	var payload any = &returned{Returnval: r.result}
	if t := reflect.TypeOf(r.result); t != nil {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct && strings.HasSuffix(t.Name(), "Response") {
			payload = r.result
		}
	}
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	if err := e.EncodeElement(payload, xml.StartElement{Name: xml.Name{Space: namespace, Local: name}}); err != nil {
		return err
	}
	return e.EncodeToken(start.End())
}

// Response encodes the result of method; nil means "no return value".
func Response(method string, result any) ([]byte, error) {
	return write(&response{method, result})
}

type faultBody struct {
	Fault soapFault `xml:"soapenv:Fault"`
}

type soapFault struct {
	Code   string      `xml:"faultcode"`
	String string      `xml:"faultstring"`
	Detail faultDetail `xml:"detail"`
}

type faultDetail struct {
	fault types.BaseMethodFault
}

// MarshalXML writes <detail><XFault xmlns="urn:vim25" xsi:type="X">.
func (d faultDetail) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	kind := reflect.TypeOf(d.fault).Elem().Name()
	element := xml.StartElement{
		Name: xml.Name{Space: namespace, Local: kind + "Fault"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xsi:type"}, Value: kind}},
	}
	if err := e.EncodeElement(d.fault, element); err != nil {
		return err
	}
	return e.EncodeToken(start.End())
}

// Fault encodes a SOAP fault that carries f.
func Fault(message string, f types.BaseMethodFault) ([]byte, error) {
	return write(&faultBody{soapFault{Code: "ServerFaultCode", String: message, Detail: faultDetail{f}}})
}
