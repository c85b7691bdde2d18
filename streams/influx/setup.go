package influx

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/domain"

	"github.com/flatwatt/flatwatt"
)

// shardDuration is the span of time whose points share files in a bucket that Setup
// makes. Scores come once a day: the usual week would hold seven points a series.
const shardDuration = 28 * 24 * time.Hour

// retentionPolicy is the name under which InfluxQL knows a bucket's points.
const retentionPolicy = "autogen"

// Setup prepares an InfluxDB 2.x: it makes the bucket, keeping points for ever, where
// it is missing, and the mapping (DBRP) without which InfluxQL, and so Client and
// Grafana, cannot read it. The token must be allowed to do both. What is there already
// is left as it is. The embedded database needs none of it, so there it does nothing.
func (c *Client) Setup(ctx context.Context) error {
	version, err := c.Check(ctx)
	if err != nil {
		return err
	}
	if strings.HasPrefix(strings.TrimPrefix(version, "v"), "1.") {
		return nil
	}
	bucket, err := c.bucket(ctx)
	if err != nil {
		return err
	}
	return c.mapping(ctx, *bucket.Id)
}

func (c *Client) bucket(ctx context.Context) (*domain.Bucket, error) {
	found, err := c.api.APIClient().GetBuckets(ctx, &domain.GetBucketsParams{Name: &c.conf.Bucket, Org: &c.conf.Org})
	// A server that knows no such bucket answers with an error or with an empty list.
	if err != nil && !strings.Contains(err.Error(), "not found") {
		return nil, fmt.Errorf("look for bucket %q: %w", c.conf.Bucket, err)
	}
	if err == nil && found.Buckets != nil && len(*found.Buckets) > 0 {
		return &(*found.Buckets)[0], nil
	}
	org, err := c.api.OrganizationsAPI().FindOrganizationByName(ctx, c.conf.Org)
	if err != nil {
		return nil, fmt.Errorf("look for organisation %q: %w", c.conf.Org, err)
	}
	forever, shard := domain.RetentionRuleTypeExpire, int64(shardDuration.Seconds())
	b, err := c.api.BucketsAPI().CreateBucket(ctx, &domain.Bucket{
		Name: c.conf.Bucket, OrgID: org.Id,
		RetentionRules: domain.RetentionRules{{Type: &forever, EverySeconds: 0, ShardGroupDurationSeconds: &shard}},
	})
	if err != nil {
		return nil, fmt.Errorf("create bucket %q: %w", c.conf.Bucket, err)
	}
	return b, nil
}

// mapping makes InfluxQL's database of the bucket's name stand for the bucket.
func (c *Client) mapping(ctx context.Context, bucketID string) error {
	found, err := c.api.APIClient().GetDBRPs(ctx, &domain.GetDBRPsParams{Org: &c.conf.Org, Db: &c.conf.Bucket})
	if err != nil {
		return fmt.Errorf("look for the mapping of %q: %w", c.conf.Bucket, err)
	}
	if found.Content != nil {
		for _, m := range *found.Content {
			if m.BucketID == bucketID && m.Default {
				return nil
			}
		}
	}
	isDefault := true
	_, err = c.api.APIClient().PostDBRP(ctx, &domain.PostDBRPAllParams{Body: domain.PostDBRPJSONRequestBody{
		BucketID: bucketID, Database: c.conf.Bucket, RetentionPolicy: retentionPolicy, Default: &isDefault, Org: &c.conf.Org,
	}})
	if err != nil {
		return fmt.Errorf("map database %q to its bucket: %w", c.conf.Bucket, err)
	}
	return nil
}

// Forget deletes all scores and events of a meter whose time lies in [from, to], e.g. when
// its customer asks for it. Roll-ups and tops stay as they were.
func (c *Client) Forget(ctx context.Context, meter flatwatt.MeterID, from, to time.Time) error {
	if err := checkTag(MeterTag, string(meter)); err != nil {
		return err
	}
	for _, measurement := range [...]string{ScoreMeasurement, EventMeasurement} {
		predicate := fmt.Sprintf(`_measurement=%q AND %s="%s"`, measurement, MeterTag, strings.ReplaceAll(string(meter), `"`, `\"`))
		if err := c.api.DeleteAPI().DeleteWithName(ctx, c.conf.Org, c.conf.Bucket, from, to, predicate); err != nil {
			return fmt.Errorf("delete scores of meter %q: %w", meter, err)
		}
	}
	return nil
}
