// Package proxies runs clients behind the proxies that deploy/ has configurations for: nginx, HAProxy and Caddy.
package proxies
