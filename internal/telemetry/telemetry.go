// Package telemetry sets up logs and metrics. It knows nothing of the nouns.
package telemetry

import (
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewLogger returns a logger that writes "text" or "json" lines.
func NewLogger(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// Metrics are the server's own Prometheus metrics.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	commits  *prometheus.CounterVec
	reaped   prometheus.Counter
}

// NewMetrics returns metrics in a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "airlock_http_request_duration_seconds", Help: "Duration of HTTP requests by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
		}, []string{"route", "status"}),
		commits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "airlock_commits_total", Help: "Committed changes by what they announce: audit rows, run transitions.",
		}, []string{"topic"}),
		reaped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "airlock_runs_reaped_total", Help: "Runs that were ended because their worker was lost.",
		}),
	}
	// No version: metrics are served without credentials (security case 117).
	m.registry.MustRegister(m.requests, m.commits, m.reaped,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Request notes one answered HTTP request.
func (m *Metrics) Request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Committed notes what a committed change announces.
func (m *Metrics) Committed(topics []string) {
	for _, t := range topics {
		m.commits.WithLabelValues(t).Inc()
	}
}

// Reaped notes runs that were ended for a lost worker.
func (m *Metrics) Reaped(n int) { m.reaped.Add(float64(n)) }
