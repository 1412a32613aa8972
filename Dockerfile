# One static binary on an empty image. Build: docker build -t studychat .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /studychat .

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /studychat /studychat
EXPOSE 8080
# No shell in the image: probes go over HTTP, /livez and /readyz, or run the program's own command.
HEALTHCHECK --start-period=30s CMD ["/studychat", "healthcheck"]
ENTRYPOINT ["/studychat"]
