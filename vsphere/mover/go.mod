module stowage/vsphere/mover

go 1.25.0
