package lab

import (
	"fmt"
	"reflect"
)

func textOf(v reflect.Value) string { return fmt.Sprint(v.Interface()) }
