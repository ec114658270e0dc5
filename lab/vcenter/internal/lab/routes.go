package lab

import (
	"fmt"
	"net/http"
)

const serviceVersions = `<?xml version="1.0" encoding="UTF-8"?>
<namespaces version="1.0"><namespace><name>urn:vim25</name><version>%s</version><priorVersions><version>7.0.3.0</version><version>6.7</version></priorVersions></namespace></namespaces>
`

// routes builds the three faces: /sdk, /folder and /lab.
func (l *Lab) routes() *http.ServeMux {
	methods := table{}
	for _, add := range []func(table){
		l.sessionCalls, l.collectorCalls, l.viewCalls, l.taskCalls, l.eventCalls,
		l.diskCalls, l.fileCalls, l.browserCalls, l.datastoreCalls, l.storageCalls,
		l.machineCalls, l.powerCalls, l.relocateCalls, l.hostCalls, l.clusterCalls, l.inventoryCalls, l.privilegeCalls,
	} {
		add(methods)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/sdk", l.serveSDK(methods))
	mux.HandleFunc("/sdk/vimService", l.serveSDK(methods))
	mux.HandleFunc("/sdk/vimServiceVersions.xml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = fmt.Fprintf(w, serviceVersions, l.content().About.ApiVersion)
	})
	mux.HandleFunc("/folder", l.serveFolder)
	mux.HandleFunc("/folder/", l.serveFolder)
	l.controls(mux)
	return mux
}
