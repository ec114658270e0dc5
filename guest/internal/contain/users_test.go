package contain

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"stowage/guest/internal/spec"
)

const (
	passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:100::/home/ann:/bin/sh\nshort:x:5:6\n7:x:8:9::/seven:/bin/sh\n"
	group  = "root:x:0:\nusers:x:100:\nstaff:x:50:bob,ann\ndisk:x:6:ann,root\n"
)

func TestUsersAreFoundAsDockerFindsThem(t *testing.T) {
	for wanted, expected := range map[string]account{
		"":           {0, 0, []uint32{0, 6}, "/root"},
		"ann":        {1000, 100, []uint32{100, 50, 6}, "/home/ann"},
		"1000":       {1000, 100, []uint32{100, 50, 6}, "/home/ann"},
		"ann:staff":  {1000, 50, []uint32{50}, "/home/ann"},
		"ann:77":     {1000, 77, []uint32{77}, "/home/ann"},
		"4242":       {4242, 0, []uint32{0}, "/"},
		"4242:users": {4242, 100, []uint32{100}, "/"},
		"7":          {8, 9, []uint32{9}, "/seven"},
		"short":      {5, 6, []uint32{6}, "/"},
	} {
		got, err := lookUpUser(wanted, nil, passwd, group)
		if err != nil || !reflect.DeepEqual(got, expected) {
			t.Errorf("%q: %+v, %v", wanted, got, err)
		}
	}
	for wanted, message := range map[string]string{
		"eve":     "unable to find user eve: no matching entries in passwd file",
		"ann:eve": "unable to find group eve: no matching entries in group file",
		"-1":      "unable to find user -1: no matching entries in passwd file",
	} {
		if _, err := lookUpUser(wanted, nil, passwd, group); err == nil || err.Error() != message {
			t.Errorf("%q: %v", wanted, err)
		}
	}
}

func TestProgramsAreLookedUpAsInAShell(t *testing.T) {
	directory := t.TempDir()
	for name, mode := range map[string]os.FileMode{"first/plain": 0o644, "second/plain": 0o755, "first/only": 0o644} {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	search := directory + "/first:" + directory + "/second"
	if got, err := lookUp("plain", search); err != nil || got != directory+"/second/plain" {
		t.Errorf("%q %v", got, err)
	}
	for name, expected := range map[string]spec.Failure{
		"only":                  {Code: 126, Message: `exec: "only": permission denied`},
		"none":                  {Code: 127, Message: `exec: "none": executable file not found in $PATH`},
		"":                      {Code: 127, Message: `exec: "": executable file not found in $PATH`},
		directory + "/none":     {Code: 127, Message: `exec: "D/none": stat D/none: no such file or directory`},
		directory:               {Code: 126, Message: `exec: "D": is a directory`},
		directory + "/first/no": {Code: 127, Message: `exec: "D/first/no": stat D/first/no: no such file or directory`},
	} {
		_, err := lookUp(name, search)
		failure, is := err.(*spec.Failure)
		if !is || failure.Code != expected.Code || strings.ReplaceAll(failure.Message, directory, "D") != expected.Message {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCapabilities(t *testing.T) {
	const docker = 0xa80425fb
	for _, each := range []struct {
		privileged bool
		add, drop  []string
		want       uint64
	}{
		{false, nil, nil, docker},
		{true, nil, []string{"ALL"}, AllCapabilities()},
		{false, []string{"NET_ADMIN"}, []string{"CAP_CHOWN"}, (docker | 1<<12) &^ 1},
		{false, []string{"CHOWN"}, []string{"all"}, 1},
		{false, []string{"ALL"}, []string{"CHOWN"}, AllCapabilities() &^ 1},
	} {
		if got := Capabilities(each.privileged, each.add, each.drop); got != each.want {
			t.Errorf("%+v: %#x", each, got)
		}
	}
}
