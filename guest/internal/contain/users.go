package contain

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

type account struct {
	uid, gid uint32
	groups   []uint32
	home     string
}

// LookUpUser finds who `name|uid[:group|gid]` is in /etc/passwd and /etc/group.
func LookUpUser(wanted string, extra []string) (account, error) {
	passwd, _ := os.ReadFile("/etc/passwd") // an image need not have them
	group, _ := os.ReadFile("/etc/group")
	return lookUpUser(wanted, extra, string(passwd), string(group))
}

func lookUpUser(wanted string, extra []string, passwd, group string) (account, error) {
	who := account{home: "/"}
	name, groupName, hasGroup := strings.Cut(wanted, ":")
	if name == "" {
		name = "0"
	}
	entry := find(passwd, name, 7)
	if entry != nil {
		uid, errU := number(entry[2])
		gid, errG := number(entry[3])
		if errU != nil || errG != nil {
			return who, fail(codeNotAllowed, "unable to find user %s: invalid entry in passwd file", name)
		}
		who.uid, who.gid, who.home = uid, gid, entry[5]
		if who.home == "" {
			who.home = "/"
		}
	} else {
		uid, err := number(name)
		if err != nil {
			return who, fail(codeNotAllowed, "unable to find user %s: no matching entries in passwd file", name)
		}
		who.uid = uid
	}
	if hasGroup && groupName != "" {
		gid, err := groupNumber(groupName, group)
		if err != nil {
			return who, err
		}
		// Who names a group gets that one alone, as with Docker.
		who.gid = gid
		who.groups = []uint32{gid}
	} else {
		who.groups = groupsOf(entry, who.gid, group)
	}
	for _, each := range extra {
		gid, err := groupNumber(each, group)
		if err != nil {
			return who, err
		}
		if !slices.Contains(who.groups, gid) {
			who.groups = append(who.groups, gid)
		}
	}
	return who, nil
}

// find gives the fields of the line whose name or number that is; a name counts more.
func find(file, wanted string, fields int) []string {
	var byNumber []string
	for line := range strings.SplitSeq(file, "\n") {
		entry := strings.Split(strings.TrimSpace(line), ":")
		for len(entry) > 3 && len(entry) < fields {
			entry = append(entry, "")
		}
		if len(entry) < fields || entry[0] == "" {
			continue
		}
		if entry[0] == wanted {
			return entry
		}
		if entry[2] == wanted && byNumber == nil {
			byNumber = entry
		}
	}
	return byNumber
}

func groupsOf(entry []string, gid uint32, group string) []uint32 {
	groups := []uint32{gid}
	if entry == nil {
		return groups
	}
	for line := range strings.SplitSeq(group, "\n") {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 4 || !slices.Contains(strings.Split(fields[3], ","), entry[0]) {
			continue
		}
		if each, err := number(fields[2]); err == nil && !slices.Contains(groups, each) {
			groups = append(groups, each)
		}
	}
	return groups
}

func groupNumber(name, group string) (uint32, error) {
	if entry := find(group, name, 4); entry != nil {
		if gid, err := number(entry[2]); err == nil {
			return gid, nil
		}
	}
	gid, err := number(name)
	if err != nil {
		return 0, fail(codeNotAllowed, "unable to find group %s: no matching entries in group file", name)
	}
	return gid, nil
}

func number(text string) (uint32, error) {
	value, err := strconv.ParseUint(text, 10, 31)
	return uint32(value), err
}

// IDsOf gives a user's numbers, as the files of this process's root have them.
func IDsOf(user string) (uid, gid int, err error) {
	who, err := LookUpUser(user, nil)
	return int(who.uid), int(who.gid), err
}
