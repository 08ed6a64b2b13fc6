// Something to start from: what is injected, what opts out, and what people trip over.

const INJECTED = { namespace: "shop", labels: "istio-injection=enabled", known: true };

/** The samples of the gallery; the first one is what the page begins with. `shows` is what comes of it. */
export const SAMPLES = [
  {
    title: "Three services",
    about: "One is injected, one opts out, and a job would never finish.",
    shows: "3 workloads: 2 injected, 1 skipped, 2 warnings",
    namespace: "bookinfo",
    labels: "istio-injection=enabled",
    known: true,
    text: `# Reviews of a book: injected, because its namespace opts in.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: reviews-v1
  labels:
    app: reviews
spec:
  replicas: 1
  selector:
    matchLabels:
      app: reviews
  template:
    metadata:
      labels:
        app: reviews
        version: v1
      annotations:
        sidecar.istio.io/proxyCpu: 200m
    spec:
      serviceAccountName: bookinfo-reviews
      containers:
      - name: reviews
        image: docker.io/istio/examples-bookinfo-reviews-v1:1.20.3
        ports:
        - containerPort: 9080
        readinessProbe:
          httpGet:
            path: /health
            port: 9080
---
# A service that opts out: the pod's own label wins.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: legacy-catalog
spec:
  selector:
    matchLabels:
      app: legacy-catalog
  template:
    metadata:
      labels:
        app: legacy-catalog
        sidecar.istio.io/inject: "false"
    spec:
      containers:
      - name: catalog
        image: docker.io/library/nginx:1.27
---
# A job whose sidecar would run on after the work is done.
apiVersion: batch/v1
kind: Job
metadata:
  name: import-ratings
spec:
  template:
    metadata:
      annotations:
        sidecar.istio.io/nativeSidecar: "false"
    spec:
      restartPolicy: Never
      containers:
      - name: import
        image: docker.io/library/busybox:1.37
        command: [sh, -c, "echo done"]
`,
  },
  {
    title: "A Job with a native sidecar",
    about: "The proxy starts before the work and stops after it.",
    shows: "1 workload: 1 injected",
    ...INJECTED,
    text: `apiVersion: batch/v1
kind: Job
metadata:
  name: migrate-orders
spec:
  template:
    metadata:
      annotations:
        sidecar.istio.io/nativeSidecar: "true"
    spec:
      restartPolicy: Never
      containers:
      - name: migrate
        image: docker.io/library/postgres:17
        command: [psql, -f, /work/migrate.sql]
`,
  },
  {
    title: "Probes, Prometheus, volumes",
    about: "Probes go through the proxy, metrics are merged, volumes stay.",
    shows: "1 workload: 1 injected",
    ...INJECTED,
    text: `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: orders
spec:
  serviceName: orders
  selector:
    matchLabels:
      app: orders
  template:
    metadata:
      labels:
        app: orders
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "9102"
    spec:
      containers:
      - name: orders
        image: registry.example/orders:3.1
        ports:
        - name: http
          containerPort: 8080
        livenessProbe:
          httpGet:
            path: /live
            port: http
        readinessProbe:
          tcpSocket:
            port: 8080
        volumeMounts:
        - name: data
          mountPath: /var/lib/orders
      volumes:
      - name: data
        emptyDir: {}
`,
  },
  {
    title: "Reasons to be left alone",
    about: "A label, the node's network, a system namespace: each says no in its own way.",
    shows: "4 workloads: 1 injected, 3 skipped",
    ...INJECTED,
    text: ["opted-out", "on-the-node", "in-the-system", "as-usual"].map((name) => `apiVersion: v1
kind: Pod
metadata:
  name: ${name}${{ "opted-out": "\n  labels:\n    sidecar.istio.io/inject: \"false\"", "in-the-system": "\n  namespace: kube-system" }[name] ?? ""}
spec:${name === "on-the-node" ? "\n  hostNetwork: true" : ""}
  containers:
  - name: app
    image: registry.example/app:1
`).join("---\n"),
  },
  {
    title: "A wrong value",
    about: "An annotation that cannot be understood: the pod is refused, and the message says what would be valid.",
    shows: "1 workload: 1 refused",
    ...INJECTED,
    text: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
spec:
  selector:
    matchLabels:
      app: checkout
  template:
    metadata:
      labels:
        app: checkout
      annotations:
        traffic.sidecar.istio.io/excludeOutboundPorts: "mysql"
    spec:
      containers:
      - name: checkout
        image: registry.example/checkout:8
`,
  },
  {
    title: "A restricted namespace",
    about: "Pod Security: the sidecar's init container needs more than the namespace grants.",
    shows: "1 workload: 1 injected, 1 warning",
    ...INJECTED,
    labels: "istio-injection=enabled,pod-security.kubernetes.io/enforce=restricted",
    text: `apiVersion: v1
kind: Pod
metadata:
  name: payments
spec:
  securityContext:
    runAsNonRoot: true
    seccompProfile:
      type: RuntimeDefault
  containers:
  - name: payments
    image: registry.example/payments:2
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
`,
  },
  {
    title: "An Argo Rollout",
    about: "Whatever holds a pod template is previewed, known kind or not.",
    shows: "1 workload: 1 injected",
    ...INJECTED,
    text: `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: storefront
spec:
  strategy:
    canary: {}
  selector:
    matchLabels:
      app: storefront
  template:
    metadata:
      labels:
        app: storefront
    spec:
      containers:
      - name: storefront
        image: registry.example/storefront:5
        ports:
        - containerPort: 8080
`,
  },
  {
    title: "A template of your own",
    about: "A configuration with a template, beside the workload that names it.",
    shows: "1 workload: 1 injected; 1 changed by the configuration",
    ...INJECTED,
    configuration: `# Tried on the workloads, never put in force.
templates:
  audit: |
    spec:
      containers:
      - name: audit
        image: registry.example/audit:1
        args: ["--level={{ annotation("audit.example/level", "info") }}"]
`,
    text: `apiVersion: v1
kind: Pod
metadata:
  name: ledger
  annotations:
    inject.istio.io/templates: sidecar,audit
    audit.example/level: debug
spec:
  containers:
  - name: ledger
    image: registry.example/ledger:4
`,
  },
];
