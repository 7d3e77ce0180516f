package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is a Storage in a bucket, below a prefix.
type S3 struct {
	client *minio.Client
	bucket string
	prefix string
}

// openS3 reads s3://BUCKET/PREFIX?endpoint=URL&region=NAME. Credentials come
// from where S3's own tools have them: the environment, their file, or the role
// of the machine.
func openS3(u *url.URL) (*S3, error) {
	if u.User != nil {
		return nil, errors.New("an s3:// URL must not contain credentials; give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	q := u.Query()
	for name := range q {
		if name != "endpoint" && name != "region" {
			return nil, fmt.Errorf("an s3:// URL has no parameter %q; it takes endpoint and region", name)
		}
	}
	if u.Host == "" {
		return nil, errors.New("an s3:// URL names a bucket: s3://BUCKET/PREFIX")
	}
	endpoint, err := endpointOf(q.Get("endpoint"))
	if err != nil {
		return nil, err
	}
	o := &minio.Options{
		Secure: endpoint.Scheme == "https",
		Region: q.Get("region"),
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: &http.Client{Timeout: 10 * time.Second}},
		}),
		MaxRetries: 3,
	}
	if q.Get("endpoint") != "" {
		o.BucketLookup = minio.BucketLookupPath // its own names need no entry in DNS for each bucket
	}
	client, err := minio.New(endpoint.Host, o)
	if err != nil {
		return nil, err
	}
	s := &S3{client: client, bucket: u.Host, prefix: strings.Trim(u.Path, "/")}
	if s.prefix != "" {
		s.prefix += "/"
	}
	return s, nil
}

func endpointOf(given string) (*url.URL, error) {
	if given == "" {
		return &url.URL{Scheme: "https", Host: "s3.amazonaws.com"}, nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("endpoint must be http:// or https:// and a host")
	}
	return u, nil
}

// String implements Storage.
func (s *S3) String() string {
	return fmt.Sprintf("s3://%s/%s at %s", s.bucket, strings.TrimSuffix(s.prefix, "/"), s.client.EndpointURL())
}

// Put implements Storage. The storage checks what arrives by its checksum.
func (s *S3) Put(ctx context.Context, name string, body []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{
		ContentType: "application/octet-stream", SendContentMd5: true, DisableMultipart: true,
	})
	return err
}

// Get implements Storage.
func (s *S3) Get(ctx context.Context, name string) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	o, err := s.client.GetObject(ctx, s.bucket, s.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(o)
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		err = ErrMissing
	}
	return body, errors.Join(err, ignoreRead(err, o.Close()))
}

// ignoreRead drops the error of a close that only repeats that of the read.
func ignoreRead(read, closed error) error {
	if read != nil {
		return nil
	}
	return closed
}

// Delete implements Storage.
func (s *S3) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return s.client.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{})
}

// Each implements Storage.
func (s *S3) Each(ctx context.Context, fn func(name string, written time.Time) error) error {
	for o := range s.client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		if err := fn(strings.TrimPrefix(o.Key, s.prefix), o.LastModified); err != nil {
			return err
		}
	}
	return ctx.Err()
}
