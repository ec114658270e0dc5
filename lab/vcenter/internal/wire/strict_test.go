package wire

import (
	"strings"
	"testing"
)

func request(body string) []byte {
	return []byte(`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:v="urn:vim25" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soapenv:Body>` + body + `</soapenv:Body></soapenv:Envelope>`)
}

func TestCheckKnowsOrderNamesAndWhatIsRequired(t *testing.T) {
	const good = `<CreateVirtualDisk_Task xmlns="urn:vim25"><_this type="VirtualDiskManager">m</_this><name>[d] a.vmdk</name>` +
		`<datacenter type="Datacenter">dc</datacenter><spec xsi:type="FileBackedVirtualDiskSpec"><diskType>thin</diskType><adapterType>lsiLogic</adapterType><capacityKb>1</capacityKb></spec></CreateVirtualDisk_Task>`
	const option = `<ReconfigVM_Task xmlns="urn:vim25"><_this type="VirtualMachine">vm</_this><spec><extraConfig xsi:type="v:OptionValue"><key>k</key><value xsi:type="xsd:string">x</value></extraConfig></spec></ReconfigVM_Task>`
	for name, c := range map[string]struct{ body, want string }{
		"good":          {good, ""},
		"option":        {option, ""},
		"derived first": {strings.Replace(good, `<diskType>thin</diskType><adapterType>lsiLogic</adapterType><capacityKb>1</capacityKb>`, `<capacityKb>1</capacityKb><diskType>thin</diskType><adapterType>lsiLogic</adapterType>`, 1), "out of order"},
		"unknown":       {strings.Replace(good, `<name>`, `<colour>red</colour><name>`, 1), "no element colour"},
		"missing":       {strings.Replace(good, `<capacityKb>1</capacityKb>`, "", 1), "lacks capacityKb"},
		"repeated":      {strings.Replace(good, `<name>[d] a.vmdk</name>`, `<name>a</name><name>b</name>`, 1), "repeated"},
		"untyped value": {strings.Replace(option, ` xsi:type="xsd:string"`, "", 1), "lacks xsi:type"},
		"other space":   {strings.Replace(good, `xmlns="urn:vim25"`, `xmlns="urn:other"`, 1), "namespace"},
		"unknown type":  {strings.Replace(good, "FileBackedVirtualDiskSpec", "Nonsense", 1), "unknown type"},
	} {
		err := Check(request(c.body))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
