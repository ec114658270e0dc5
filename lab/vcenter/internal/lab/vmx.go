package lab

import (
	"bytes"
	"fmt"
	"os"

	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"

	"stowage/lab/vcenter/internal/vmdk"
	"stowage/lab/vcenter/internal/wire"
)

// The .vmx holds the VM's whole configuration, as XML of vim25: what
// RegisterVM_Task needs to bring it back.

func (m *machine) save() error {
	text, err := xml.Marshal(m.vm.Config)
	if err != nil {
		return err
	}
	return vmdk.WriteFile(m.vmx.local, append([]byte(xml.Header), text...))
}

func readVMX(f file) (*types.VirtualMachineConfigInfo, error) {
	text, err := os.ReadFile(f.local)
	if err != nil {
		return nil, err
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.TypeFunc = wire.Type
	cfg := &types.VirtualMachineConfigInfo{}
	if err = d.Decode(cfg); err != nil {
		return nil, fmt.Errorf("%s: %w", f, err)
	}
	cfg.Files.VmPathName = f.String()
	return cfg, nil
}

// clone copies a data object through XML.
func clone[T any](in *T) (*T, error) {
	text, err := xml.Marshal(in)
	if err != nil {
		return nil, err
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.TypeFunc = wire.Type
	out := new(T)
	return out, d.Decode(out)
}
