// go URL COUNT CONCURRENCY: GETs one URL COUNT times with CONCURRENCY goroutines.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func cpu() float64 {
	var used syscall.Rusage
	syscall.Getrusage(0, &used)
	return float64(used.Utime.Sec+used.Stime.Sec) + float64(used.Utime.Usec+used.Stime.Usec)/1e6
}

func main() {
	url := os.Args[1]
	count, _ := strconv.ParseInt(os.Args[2], 10, 64)
	concurrency, _ := strconv.Atoi(os.Args[3])
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: concurrency, MaxConnsPerHost: concurrency, DisableCompression: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	left, received := count, int64(0)
	var group sync.WaitGroup
	group.Add(concurrency)
	started, startedCpu := time.Now(), cpu()
	for i := 0; i < concurrency; i++ {
		go func() {
			defer group.Done()
			for atomic.AddInt64(&left, -1) >= 0 {
				response, err := client.Get(url)
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				body, err := io.ReadAll(response.Body)
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				response.Body.Close()
				atomic.AddInt64(&received, int64(len(body)))
			}
		}()
	}
	group.Wait()
	fmt.Printf("wall_s %f\ncpu_s %f\nbytes %d\n", time.Since(started).Seconds(), cpu()-startedCpu, received)
}
