package lab

import (
	"log"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/wire"
)

func logPanic(what string, p any) { log.Printf("%s: %v\n%s", what, p, debug.Stack()) }

func fileFault(path string) types.FileFault { return types.FileFault{File: path} }

func fileNotFound(path string) fault { return &types.FileNotFound{FileFault: fileFault(path)} }
func fileExists(path string) fault   { return &types.FileAlreadyExists{FileFault: fileFault(path)} }
func fileLocked(path string) fault   { return &types.FileLocked{FileFault: fileFault(path)} }
func invalid(property string) fault  { return &types.InvalidArgument{InvalidProperty: property} }

// lockedByOther is what opening a disk that another VM holds gives:
// the same fault on power-on and on hot-add.
func lockedByOther(path string) fault {
	arg := func(key, value string) types.KeyAnyValue { return types.KeyAnyValue{Key: key, Value: value} }
	f := &types.GenericVmConfigFault{Reason: "Failed to lock the file"}
	f.FaultMessage = []types.LocalizableMessage{
		{Key: "msg.fileio.lock", Message: "Failed to lock the file"},
		{
			Key:     "msg.disk.noBackEnd",
			Arg:     []types.KeyAnyValue{arg("1", path)},
			Message: "Cannot open the disk '" + path + "' or one of the snapshot disks it depends on.",
		},
	}
	return f
}

// faultNamed makes a fault of a vim25 type, for injection. Its file, where it
// has one, is the first datastore path of the request.
func faultNamed(name, body string) fault {
	kind, ok := wire.Type(name)
	if !ok {
		return nil
	}
	v := reflect.New(kind)
	f, ok := v.Interface().(types.BaseMethodFault)
	if !ok {
		return nil
	}
	if file := v.Elem().FieldByName("File"); file.IsValid() && file.Kind() == reflect.String {
		file.SetString(firstPath(body))
	}
	return f
}

func firstPath(body string) string {
	at := strings.Index(body, ">[")
	if at < 0 {
		return ""
	}
	rest := body[at+1:]
	if end := strings.IndexByte(rest, '<'); end > 0 {
		return rest[:end]
	}
	return ""
}

var messages = map[string]string{
	"FileLocked":        "Unable to access file since it is locked",
	"FileNotFound":      "File was not found",
	"FileAlreadyExists": "The file already exists",
	"NotAuthenticated":  "The session is not authenticated.",
	"InvalidLogin":      "Cannot complete login due to an incorrect user name or password.",
	"NoDiskSpace":       "Insufficient disk space on datastore",
	"RequestCanceled":   "The task was canceled by a user.",
}

// messageOf is the text clients must not parse.
func messageOf(f fault) string {
	if f == nil {
		return ""
	}
	if list := f.GetMethodFault().FaultMessage; len(list) > 0 {
		return list[0].Message
	}
	name := reflect.TypeOf(f).Elem().Name()
	if m, ok := messages[name]; ok {
		return m
	}
	return name
}
