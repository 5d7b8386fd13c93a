// go zero|random N
package main

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func cpu() float64 {
	var used syscall.Rusage
	syscall.Getrusage(0, &used)
	return float64(used.Utime.Sec+used.Stime.Sec) + float64(used.Utime.Usec+used.Stime.Usec)/1e6
}

func main() {
	n, _ := strconv.Atoi(os.Args[2])
	started, startedCpu := time.Now(), cpu()
	results := make([]int, n)
	var group sync.WaitGroup
	group.Add(n)
	for i := 0; i < n; i++ {
		if os.Args[1] == "zero" {
			go func(i int) { runtime.Gosched(); results[i] = 1; group.Done() }(i)
		} else {
			duration := time.Duration(rand.Float64() * 1e9)
			go func(i int) { time.Sleep(duration); results[i] = 1; group.Done() }(i)
		}
	}
	group.Wait()
	fmt.Printf("wall_s %f\ncpu_s %f\n", time.Since(started).Seconds(), cpu()-startedCpu)
}
