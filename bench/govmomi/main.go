// Command govmomi makes and removes volumes, and recovers machines of a host that was lost, with plain govmomi: the calls that Stowage's
// jobs make, in their order, without jobs.
// It reads one round per line from standard input and answers each with one line.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/task"
	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type round struct {
	Action      string   `json:"action"` // create, remove or recover
	Names       []string `json:"names"`
	Concurrency int      `json:"concurrency"`
	// Keeps: each of the concurrent workers waits for its Tasks with one PropertyCollector (task.WaitEx) rather than
	// with a new one for each Task (Task.Wait), and looks at the machines through one view.
	Keeps bool `json:"keeps"`
}

type outcome struct {
	Seconds   float64 `json:"seconds"`
	CPUMillis float64 `json:"cpuMs"`
	Error     string  `json:"error,omitempty"`
}

type document struct {
	Stowage   int            `json:"stowage"`
	Name      string         `json:"name"`
	State     string         `json:"state"`
	Spec      map[string]any `json:"spec"`
	CreatedAt string         `json:"createdAt"`
	Disk      map[string]any `json:"disk"`
}

type program struct {
	client     *govmomi.Client
	datacenter *object.Datacenter
	disks      *object.VirtualDiskManager
	files      *object.FileManager
	views      *view.Manager
	datastore  string
	root       string
	capacityKb int64
}

func main() {
	ctx := context.Background()
	p, err := open(ctx)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	answers := json.NewEncoder(os.Stdout)
	fmt.Println("{}")
	for lines.Scan() {
		var r round
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			log.Fatal(err)
		}
		if err := answers.Encode(p.run(ctx, r)); err != nil {
			log.Fatal(err)
		}
	}
	if err := p.client.Logout(ctx); err != nil {
		log.Fatal(err)
	}
}

func open(ctx context.Context) (*program, error) {
	address, err := url.Parse(os.Getenv("VCENTER_URL"))
	if err != nil {
		return nil, err
	}
	address.User = url.UserPassword(os.Getenv("VCENTER_USER"), os.Getenv("VCENTER_PASSWORD"))
	client, err := govmomi.NewClient(ctx, address, true)
	if err != nil {
		return nil, err
	}
	// Go's default keeps two idle connections; with sixteen at work it would connect anew all the time.
	client.Client.DefaultTransport().MaxIdleConnsPerHost = 32
	datacenter, err := find.NewFinder(client.Client).DefaultDatacenter(ctx)
	if err != nil {
		return nil, err
	}
	return &program{
		client:     client,
		datacenter: datacenter,
		disks:      object.NewVirtualDiskManager(client.Client),
		files:      object.NewFileManager(client.Client),
		views:      view.NewManager(client.Client),
		datastore:  os.Getenv("BENCH_DATASTORE"),
		root:       os.Getenv("BENCH_ROOT"),
		capacityKb: 1 << 20,
	}, nil
}

// run does all names of a round, so many at once, and stops at the first that fails.
func (p *program) run(ctx context.Context, r round) outcome {
	names := make(chan string, len(r.Names))
	for _, name := range r.Names {
		names <- name
	}
	close(names)
	begun, cpu := time.Now(), cpuMillis()
	var found *survey
	if r.Action == "recover" {
		var err error
		if found, err = p.survey(ctx); err != nil {
			return outcome{Error: err.Error()}
		}
	}
	failures := make(chan error, r.Concurrency)
	var group sync.WaitGroup
	for range r.Concurrency {
		group.Go(func() {
			if err := p.work(ctx, r, found, names); err != nil {
				failures <- err
			}
		})
	}
	group.Wait()
	done := outcome{Seconds: time.Since(begun).Seconds(), CPUMillis: cpuMillis() - cpu}
	select {
	case err := <-failures:
		done.Error = err.Error()
	default:
	}
	return done
}

func cpuMillis() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

func (p *program) home(name string) string { return fmt.Sprintf("%s/volumes/%s", p.root, name) }

func (p *program) inDatastore(path string) string { return fmt.Sprintf("[%s] %s", p.datastore, path) }

func (p *program) diskPath(name string) string {
	return p.inDatastore(p.home(name) + "/" + name + ".vmdk")
}

func (w worker) create(ctx context.Context, name string) error {
	if err := w.files.MakeDirectory(ctx, w.inDatastore(w.home(name)), w.datacenter, true); err != nil {
		return err
	}
	doc := document{
		Stowage: 1, Name: name, State: "creating",
		Spec:      map[string]any{"store": "default", "capacityBytes": w.capacityKb << 10, "diskFormat": "thin", "labels": map[string]string{}},
		CreatedAt: time.Now().UTC().Format(time.RFC3339Nano),
		Disk:      map[string]any{"path": w.diskPath(name)},
	}
	if err := w.put(ctx, doc); err != nil {
		return err
	}
	spec := types.FileBackedVirtualDiskSpec{
		VirtualDiskSpec: types.VirtualDiskSpec{DiskType: "thin", AdapterType: "lsiLogic"},
		CapacityKb:      w.capacityKb,
	}
	if err := w.wait(ctx)(w.disks.CreateVirtualDisk(ctx, w.diskPath(name), w.datacenter, &spec)); err != nil {
		return err
	}
	uuid, err := w.disks.QueryVirtualDiskUuid(ctx, w.diskPath(name), w.datacenter)
	if err != nil {
		return err
	}
	doc.State = "available"
	doc.Disk["uuid"] = uuid
	return w.put(ctx, doc)
}

func (w worker) remove(ctx context.Context, name string) error {
	doc, err := w.get(ctx, name)
	if err != nil {
		return err
	}
	doc.State = "deleting"
	if err := w.put(ctx, doc); err != nil {
		return err
	}
	if err := w.assertUnused(ctx, w.diskPath(name)); err != nil {
		return err
	}
	if err := w.wait(ctx)(w.disks.DeleteVirtualDisk(ctx, w.diskPath(name), w.datacenter)); err != nil {
		return err
	}
	return w.wait(ctx)(w.files.DeleteDatastoreFile(ctx, w.inDatastore(w.home(name)), w.datacenter))
}

// worker does one volume, or machine, after another.
type worker struct {
	*program
	collector *property.Collector // kept, or nil
	machines  *view.ContainerView // kept, or nil
	lost      *survey             // for recoveries
}

func (p *program) work(ctx context.Context, r round, found *survey, names <-chan string) error {
	w := worker{program: p, lost: found}
	if r.Keeps {
		var err error
		if w.collector, err = property.DefaultCollector(p.client.Client).Create(ctx); err != nil {
			return err
		}
		defer func() { _ = w.collector.Destroy(ctx) }()
		if w.machines, err = p.viewMachines(ctx); err != nil {
			return err
		}
		defer func() { _ = w.machines.Destroy(ctx) }()
	}
	do := map[string]func(context.Context, string) error{"create": w.create, "remove": w.remove, "recover": w.recover}[r.Action]
	if do == nil {
		return fmt.Errorf("unknown action %q", r.Action)
	}
	for name := range names {
		if err := do(ctx, name); err != nil {
			return fmt.Errorf("%s %s: %w", r.Action, name, err)
		}
	}
	return nil
}

// wait waits for a Task that was just started.
func (w worker) wait(ctx context.Context) func(*object.Task, error) error {
	return func(started *object.Task, err error) error {
		if err != nil {
			return err
		}
		if w.collector == nil {
			return started.Wait(ctx)
		}
		_, err = task.WaitEx(ctx, started.Reference(), w.collector, nil)
		return err
	}
}

func (p *program) viewMachines(ctx context.Context) (*view.ContainerView, error) {
	return p.views.CreateContainerView(ctx, p.client.ServiceContent.RootFolder, []string{"VirtualMachine"}, true)
}

// assertUnused looks through all machines for the disk.
func (w worker) assertUnused(ctx context.Context, path string) error {
	all := w.machines
	if all == nil {
		made, err := w.viewMachines(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = made.Destroy(ctx) }()
		all = made
	}
	var machines []mo.VirtualMachine
	properties := []string{"name", "runtime.powerState", "config.hardware.device"}
	if err := all.Retrieve(ctx, []string{"VirtualMachine"}, properties, &machines); err != nil {
		return err
	}
	for _, machine := range machines {
		for _, device := range object.VirtualDeviceList(machine.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil)) {
			backing, isFile := device.GetVirtualDevice().Backing.(types.BaseVirtualDeviceFileBackingInfo)
			if isFile && backing.GetVirtualDeviceFileBackingInfo().FileName == path {
				return fmt.Errorf("%s has %s", machine.Name, path)
			}
		}
	}
	return nil
}

func (p *program) documentURL(name string) *url.URL {
	address := *p.client.URL()
	address.User = nil
	address.Path = "/folder/" + p.home(name) + "/volume.json"
	address.RawQuery = url.Values{"dcPath": {p.datacenter.Name()}, "dsName": {p.datastore}}.Encode()
	return &address
}

func (p *program) put(ctx context.Context, doc document) error {
	body, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	param := soap.DefaultUpload
	param.ContentLength = int64(len(body))
	return p.client.Client.Upload(ctx, bytes.NewReader(body), p.documentURL(doc.Name), &param)
}

func (p *program) get(ctx context.Context, name string) (document, error) {
	var doc document
	param := soap.DefaultDownload
	res, err := p.client.Client.DownloadRequest(ctx, p.documentURL(name), &param)
	if err != nil {
		return doc, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return doc, fmt.Errorf("GET: %s", res.Status)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return doc, err
	}
	return doc, json.Unmarshal(body, &doc)
}
