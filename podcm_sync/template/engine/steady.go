package engine

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

var errAddress = errors.New("%p prints an address, which changes from run to run")

// steadyPrintf is Go's printf without the addresses: they depend on the Pods that were rendered
// before, and a result that changes by itself would be written again at each run.
func steadyPrintf(format string, values ...any) (string, error) {
	if printsAddress(format) {
		return "", errAddress
	}
	for i, value := range values {
		if of := reflect.ValueOf(value); holdsPointer(of) {
			values[i] = withoutPointers(of)
		}
	}
	return fmt.Sprintf(format, values...), nil
}

func printsAddress(format string) bool {
	for {
		_, rest, isVerb := strings.Cut(format, "%")
		if !isVerb {
			return false
		}
		rest = strings.TrimLeft(rest, "+-# 0123456789.*[]")
		if strings.HasPrefix(rest, "p") {
			return true
		}
		if rest != "" {
			rest = rest[1:]
		}
		format = rest
	}
}

// holdsPointer says whether a list or dict holds a pointer. fmt follows a pointer that it is given
// itself, and prints the address of one inside of something else.
func holdsPointer(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.Slice:
		for i := range value.Len() {
			if isOrHoldsPointer(value.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for items := value.MapRange(); items.Next(); {
			if isOrHoldsPointer(items.Value()) {
				return true
			}
		}
	}
	return false
}

func isOrHoldsPointer(value reflect.Value) bool {
	if value.Kind() == reflect.Interface {
		value = value.Elem()
	}
	return value.Kind() == reflect.Pointer || holdsPointer(value)
}

// withoutPointers is a copy of a list or dict that holds what the pointers point to.
func withoutPointers(value reflect.Value) any {
	if value.Kind() == reflect.Interface {
		value = value.Elem()
	}
	switch {
	case value.Kind() == reflect.Pointer && !value.IsNil():
		return value.Elem().Interface()
	case !holdsPointer(value):
	case value.Kind() == reflect.Slice:
		list := make([]any, value.Len())
		for i := range list {
			list[i] = withoutPointers(value.Index(i))
		}
		return list
	case value.Kind() == reflect.Map:
		dict := make(map[string]any, value.Len())
		for items := value.MapRange(); items.Next(); {
			dict[items.Key().String()] = withoutPointers(items.Value())
		}
		return dict
	}
	if !value.IsValid() {
		return nil
	}
	return value.Interface()
}
