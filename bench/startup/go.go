// An empty program.
package main

func main() {}
