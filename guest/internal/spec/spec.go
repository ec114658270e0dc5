// Package spec is what the guest is told of its container: the JSON of core/container.ts and core/guest.ts.
package spec

// Document is ContainerDocument: what was asked for.
type Document struct {
	ID   string    `json:"id"`
	Spec Container `json:"spec"`
}

// Container is ContainerSpec, as far as the guest goes by it.
type Container struct {
	Entrypoint         []string `json:"entrypoint"`
	Command            []string `json:"command"`
	Env                []string `json:"env"`
	WorkingDir         string   `json:"workingDir"`
	User               string   `json:"user"`
	Hostname           string   `json:"hostname"`
	Domainname         string   `json:"domainname"`
	TTY                bool     `json:"tty"`
	OpenStdin          bool     `json:"openStdin"`
	StopSignal         string   `json:"stopSignal"`
	StopTimeoutSeconds int      `json:"stopTimeoutSeconds"`
	Network            string   `json:"network"`
	Mounts             []Mount  `json:"mounts"`
	Engine             Engine   `json:"engine"`
}

// Mount is ContainerMount.
type Mount struct {
	Volume      string `json:"volume"`
	Destination string `json:"destination"`
	Access      string `json:"access"`
	NoCopy      bool   `json:"noCopy"`
}

// ReadOnly is the AccessMode of what may not be written.
const ReadOnly = "read-only"

// Engine is what only the Docker face knows.
type Engine struct {
	Config struct {
		StdinOnce bool `json:"StdinOnce"`
	} `json:"Config"`
	HostConfig struct {
		Privileged     bool              `json:"Privileged"`
		CapAdd         []string          `json:"CapAdd"`
		CapDrop        []string          `json:"CapDrop"`
		SecurityOpt    []string          `json:"SecurityOpt"`
		ReadonlyRootfs bool              `json:"ReadonlyRootfs"`
		ExtraHosts     []string          `json:"ExtraHosts"`
		DNS            []string          `json:"Dns"`
		DNSSearch      []string          `json:"DnsSearch"`
		DNSOptions     []string          `json:"DnsOptions"`
		GroupAdd       []string          `json:"GroupAdd"`
		Sysctls        map[string]string `json:"Sysctls"`
		Tmpfs          map[string]string `json:"Tmpfs"`
		ShmSize        int64             `json:"ShmSize"`
		PidsLimit      int64             `json:"PidsLimit"`
		ConsoleSize    []uint16          `json:"ConsoleSize"`
		Ulimits        []Ulimit          `json:"Ulimits"`
	} `json:"HostConfig"`
}

// Ulimit is a resource limit as Docker's API has it.
type Ulimit struct {
	Name string `json:"Name"`
	Soft int64  `json:"Soft"`
	Hard int64  `json:"Hard"`
}

// Status is ContainerStatus.
type Status struct {
	Called   string `json:"called"`
	Settings struct {
		MemoryBytes int64 `json:"memoryBytes"`
		NanoCPUs    int64 `json:"nanoCpus"`
	} `json:"settings"`
	Run struct {
		StartedAt string `json:"startedAt"`
	} `json:"run"`
}

// Disks is GuestDisks. Layers has the lowest first.
type Disks struct {
	Layers  []string          `json:"layers"`
	Scratch string            `json:"scratch"`
	Volumes map[string]Volume `json:"volumes"`
	Shares  map[string]Share  `json:"shares"`
}

// Volume is a disk of its own.
type Volume struct {
	UUID   string `json:"uuid"`
	Access string `json:"access"`
}

// Share is a directory on an NFS server. Port 0: the protocol's own.
type Share struct {
	Server string `json:"server"`
	Port   int    `json:"port"`
	Path   string `json:"path"`
}

// Failure is why something could not be begun, with the exit code that Docker gives for it.
type Failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return f.Message }
