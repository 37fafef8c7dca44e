# The demo and the tool in one image. SQLite needs cgo, hence a base with libc.
FROM golang:1.25-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN mkdir /out && go build -trimpath -o /out/ ./cmd/perimeter ./example

FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /out/ /usr/local/bin/
EXPOSE 8080
CMD ["example", "-addr=:8080"]
