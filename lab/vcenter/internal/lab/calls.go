package lab

import "sync"

// callBook counts what clients asked.
type callBook struct {
	mu       sync.Mutex
	Total    int            `json:"total"`
	ByMethod map[string]int `json:"byMethod"`
	Folder   map[string]int `json:"folder"`
}

func newCallBook() *callBook {
	b := &callBook{}
	b.reset()
	return b
}

func (b *callBook) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Total, b.ByMethod, b.Folder = 0, map[string]int{}, map[string]int{}
}

func (b *callBook) count(method string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Total++
	b.ByMethod[method]++
}

func (b *callBook) countFolder(verb string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Folder[verb]++
}

func (b *callBook) snapshot() map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	methods, folder := map[string]int{}, map[string]int{}
	for k, v := range b.ByMethod {
		methods[k] = v
	}
	for k, v := range b.Folder {
		folder[k] = v
	}
	return map[string]any{"total": b.Total, "byMethod": methods, "folder": folder}
}
