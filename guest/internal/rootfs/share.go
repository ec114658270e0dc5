package rootfs

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"stowage/guest/internal/kernel"
	"stowage/guest/internal/spec"
)

const (
	nfsPort       = 2049
	resolveWithin = 10 * time.Second
)

// mountShare mounts a directory of an NFS server, with version 4.1 or, where the server has none, 3. The options keep caches so short that what
// another machine makes is seen at once.
func (t *Tree) mountShare(share spec.Share, where string, readOnly bool) error {
	address, err := addressOf(share.Server)
	if err != nil {
		return err
	}
	if err := t.modules.Load("nfs", "nfsv4", "nfsv3"); err != nil {
		return err
	}
	port := share.Port
	if port == 0 {
		port = nfsPort
	}
	var flags uintptr
	if readOnly {
		flags = syscall.MS_RDONLY
	}
	host := share.Server
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	source := host + ":" + share.Path
	common := fmt.Sprintf("proto=tcp,port=%d,addr=%s,hard,timeo=600,lookupcache=positive,actimeo=1", port, address)
	newer := kernel.Mount(source, where, "nfs4", flags, "vers=4.1,clientaddr="+ownAddress(address)+","+common)
	if newer == nil {
		return nil
	}
	// Version 3 has its mount protocol at a port of its own; servers without a portmapper have it at the same one.
	older := fmt.Sprintf("vers=3,nolock,mountproto=tcp,mountaddr=%s", address)
	if share.Port != 0 {
		older += fmt.Sprintf(",mountport=%d", share.Port)
	}
	if err := kernel.Mount(source, where, "nfs", flags, older+","+common); err != nil {
		return fmt.Errorf("NFS 4.1: %w; NFS 3: %w", newer, err)
	}
	return nil
}

func addressOf(server string) (string, error) {
	if ip := net.ParseIP(server); ip != nil {
		return ip.String(), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveWithin)
	defer cancel()
	found, err := net.DefaultResolver.LookupIPAddr(ctx, server)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("the NFS server %s: %w", server, err)
	}
	return found[0].IP.String(), nil
}

// ownAddress is that from which the server would be reached.
func ownAddress(server string) string {
	connection, err := net.Dial("udp", net.JoinHostPort(server, "9"))
	if err != nil {
		return "0.0.0.0"
	}
	defer connection.Close()
	host, _, _ := net.SplitHostPort(connection.LocalAddr().String())
	return host
}
