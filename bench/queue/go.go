// go N: N messages, there and back.
package main

import (
	"fmt"
	"os"
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
	n, _ := strconv.Atoi(os.Args[1])
	there, back := make(chan int, 1), make(chan int, 1)
	var group sync.WaitGroup
	group.Add(2)
	started, startedCpu := time.Now(), cpu()
	go func() {
		for i := 0; i < n/2; i++ {
			there <- i
			<-back
		}
		group.Done()
	}()
	go func() {
		for i := 0; i < n/2; i++ {
			back <- <-there
		}
		group.Done()
	}()
	group.Wait()
	fmt.Printf("wall_s %f\ncpu_s %f\n", time.Since(started).Seconds(), cpu()-startedCpu)
}
