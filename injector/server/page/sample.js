// Something to start from: what is injected, what opts out, and what people trip over.

export const SAMPLE = {
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
};
