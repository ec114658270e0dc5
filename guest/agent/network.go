package main

import (
	"context"
	"log"
	"net/netip"
	"time"

	"stowage/guest/internal/dhcp"
	"stowage/guest/internal/kernel"
	"stowage/guest/internal/netdev"
	"stowage/guest/internal/rootfs"
)

// addressWithin is how long the process's start waits for an address.
const addressWithin = 10 * time.Second

// startNetwork sets the network up beside everything else, and says once how it stands; without an answer it goes on asking.
func (m *machine) startNetwork() <-chan rootfs.Network {
	found := make(chan rootfs.Network, 1)
	if err := netdev.Up("lo"); err != nil {
		log.Print(err)
	}
	if m.document.Spec.Network == "none" {
		found <- rootfs.Network{}
		return found
	}
	go func() {
		if err := m.modules.LoadFor(kernel.Networks); err != nil {
			log.Print(err)
		}
		name, mac := netdev.First()
		if name == "" {
			found <- rootfs.Network{}
			return
		}
		if err := netdev.Up(name); err != nil {
			log.Print(err)
		}
		m.askForAddress(dhcp.Client{Interface: name, MAC: mac}, found)
	}()
	return found
}

func (m *machine) askForAddress(client dhcp.Client, found chan<- rootfs.Network) {
	ctx, cancel := context.WithTimeout(context.Background(), addressWithin)
	lease, err := client.Get(ctx)
	cancel()
	if err != nil {
		log.Print(err)
		found <- rootfs.Network{}
		if lease, err = client.Get(context.Background()); err != nil {
			log.Print(err)
			return
		}
		m.use(client.Interface, lease)
	} else {
		found <- m.use(client.Interface, lease)
	}
	err = client.Keep(context.Background(), lease, func(again dhcp.Lease) {
		if again.Address != lease.Address {
			m.use(client.Interface, again)
			lease = again
		}
	})
	if err != nil {
		log.Print(err)
	}
}

func (m *machine) use(name string, lease dhcp.Lease) rootfs.Network {
	if err := netdev.SetAddress(name, lease.Address, lease.Bits); err != nil {
		log.Print(err)
		return rootfs.Network{}
	}
	if lease.MTU > 0 {
		if err := netdev.SetMTU(name, lease.MTU); err != nil {
			log.Print(err)
		}
	}
	if lease.Router.IsValid() {
		if err := netdev.SetDefaultRoute(name, lease.Router); err != nil {
			log.Print(err)
		}
	}
	go m.tell(keyAddress, lease.Address.String())
	network := rootfs.Network{Address: lease.Address.String(), DNS: texts(lease.DNS)}
	if lease.Domain != "" {
		network.Search = []string{lease.Domain}
	}
	return network
}

func texts(addresses []netip.Addr) []string {
	var all []string
	for _, each := range addresses {
		all = append(all, each.String())
	}
	return all
}
