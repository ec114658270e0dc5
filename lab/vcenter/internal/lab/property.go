package lab

import (
	"path"
	"reflect"
	"strings"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/wire"
)

// managed digs the mo struct out of a simulator object.
func managed(obj mo.Reference) reflect.Value {
	if o, ok := obj.(interface{ Get() mo.Reference }); ok {
		obj = o.Get()
	}
	v := reflect.ValueOf(obj)
	for {
		for v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct || path.Base(v.Type().PkgPath()) == "mo" || v.NumField() == 0 {
			return v
		}
		v = v.Field(0)
	}
}

func fieldName(segment string) string {
	if segment == "" {
		return ""
	}
	return strings.ToUpper(segment[:1]) + segment[1:]
}

// property reads one path of obj. known is false when the type can have no such
// property; a nil value means "unset".
func property(obj reflect.Value, name string) (value any, known bool) {
	v := obj
	segments := splitPath(name)
	for i, segment := range segments {
		field, key := segment, ""
		if at := strings.IndexByte(segment, '['); at >= 0 && strings.HasSuffix(segment, "]") {
			field, key = segment[:at], strings.Trim(segment[at+1:len(segment)-1], `"`)
		}
		concrete := true
		for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return nil, true
			}
			concrete = concrete && v.Kind() != reflect.Interface
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return nil, false
		}
		f := v.FieldByName(fieldName(field))
		if !f.IsValid() {
			return nil, !concrete && i > 0
		}
		v = f
		if key != "" {
			if v = keyed(v, key); !v.IsValid() {
				return nil, true
			}
			if i == len(segments)-1 {
				return v.Interface(), true
			}
		}
	}
	return wrapped(v), true
}

// splitPath splits at dots outside brackets.
func splitPath(name string) []string {
	if !strings.Contains(name, "[") {
		return strings.Split(name, ".")
	}
	var out []string
	depth, start := 0, 0
	for i, r := range name {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case r == '.' && depth == 0:
			out = append(out, name[start:i])
			start = i + 1
		}
	}
	return append(out, name[start:])
}

func keyed(list reflect.Value, key string) reflect.Value {
	if list.Kind() != reflect.Slice {
		return reflect.Value{}
	}
	for i := 0; i < list.Len(); i++ {
		item := list.Index(i)
		v := item
		for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return reflect.Value{}
		}
		if k := v.FieldByName("Key"); k.IsValid() && textOf(k) == key {
			return v
		}
	}
	return reflect.Value{}
}

// wrapped turns a field into what DynamicProperty.val holds: ArrayOfX for lists.
func wrapped(v reflect.Value) any {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.String && v.Len() == 0 {
		return nil
	}
	if v.Kind() != reflect.Slice {
		return v.Interface()
	}
	if v.IsNil() {
		return emptyArray(v)
	}
	return array(v)
}

func emptyArray(v reflect.Value) any {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return nil
	}
	return array(v)
}

func array(v reflect.Value) any {
	name := ""
	switch v.Type().Elem().Kind() {
	case reflect.Uint8:
		name = "Byte"
	case reflect.Int16:
		name = "Short"
	case reflect.Int32:
		name = "Int"
	case reflect.Int64:
		name = "Long"
	default:
		name = strings.TrimPrefix(v.Type().Elem().Name(), "Base")
		if name == "string" {
			name = "String"
		}
	}
	kind, ok := wire.Type("ArrayOf" + name)
	if !ok {
		return nil
	}
	a := reflect.New(kind).Elem()
	a.Field(0).Set(v.Convert(a.Field(0).Type()))
	return a.Interface()
}

// allProperties lists every set property of obj, as PropertySpec.all asks for.
func allProperties(obj reflect.Value, add func(name string, value any)) {
	t := obj.Type()
	for i := 0; i < obj.NumField(); i++ {
		f := t.Field(i)
		if f.Name == "Self" || !f.IsExported() {
			continue
		}
		if f.Anonymous {
			if obj.Field(i).Kind() == reflect.Struct {
				allProperties(obj.Field(i), add)
			}
			continue
		}
		if v := wrapped(obj.Field(i)); v != nil {
			add(strings.ToLower(f.Name[:1])+f.Name[1:], v)
		}
	}
}

// isA says whether a managed object type is kind or derives from it.
func isA(ref moref, obj reflect.Value, kind string) bool {
	if ref.Type == kind || kind == "ManagedObject" || obj.Type().Name() == kind {
		return true
	}
	f, ok := obj.Type().FieldByName(kind)
	return ok && f.Anonymous
}

func refsOf(value any) []moref {
	switch v := value.(type) {
	case types.ManagedObjectReference:
		return []moref{v}
	case types.ArrayOfManagedObjectReference:
		return v.ManagedObjectReference
	}
	return nil
}
