// go N: resident memory that N sleeping goroutines add.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func resident() int {
	text, _ := os.ReadFile("/proc/self/statm")
	var size, pages int
	fmt.Sscan(string(text), &size, &pages)
	return pages * os.Getpagesize()
}

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	before := resident()
	for i := 0; i < n; i++ {
		go func() { time.Sleep(time.Minute) }()
	}
	time.Sleep(200 * time.Millisecond)
	fmt.Printf("bytes %d\n", resident()-before)
}
