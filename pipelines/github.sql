-- Joins BigQuery's copy of GitHub (bigquery-public-data.github_repos) and exports it as Parquet, with the columns that
-- corpusmill reads. Use:
--
--   1. Put a bucket of yours into `uri` below; it must lie in the US, as the data do.
--   2. Narrow the licences and the sample, if you want less (the two DECLAREs).
--   3. bq query --use_legacy_sql=false --dry_run < github.sql      says what it would read
--      bq query --use_legacy_sql=false < github.sql
--   4. gcloud storage cp -r gs://YOUR-BUCKET/github dumps/, or give corpusmill the bucket's URL.
--
-- What it costs: not run by us. On demand BigQuery charges for the bytes of the columns that a query names, whatever
-- its WHERE or LIMIT leaves; `contents` is about 2.3 TB, nearly all of it the column `content`, and the columns of `files`
-- that are named here some 300 GB more. So expect about 2.6 TB a run, even for one licence. The dry run is free and has
-- the number; the price of a TB is on Google's page. The export itself is not charged, what lies in the bucket is.
-- To look around for little, read `sample_contents` in place of `contents` (see the end): a small part of it.
--
-- Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/export-statements,
-- the schema of bigquery-public-data.github_repos.

-- Licences as the table `licenses` writes them; an empty array takes all, and repositories without one. The paper keeps
-- MIT, BSD and Apache. With TRUE in the second line repositories without a licence come too, and their files LICENSE,
-- by which it can be recognised.
DECLARE wanted_licenses ARRAY<STRING> DEFAULT ['mit', 'apache-2.0', 'bsd-2-clause', 'bsd-3-clause'];
DECLARE with_unknown BOOL DEFAULT FALSE;

-- 1.0 takes all contents. A sample is by the content's id: the same ones each time, and whatever the licences.
DECLARE share FLOAT64 DEFAULT 1.0;

EXPORT DATA OPTIONS (
  uri = 'gs://YOUR-BUCKET/github/github-*.parquet',
  format = 'PARQUET',
  compression = 'ZSTD',
  overwrite = FALSE
) AS
WITH
  -- A repository without a row here has no licence that GitHub knows. It has one row at most; ANY_VALUE makes sure.
  licences AS (
    SELECT repo_name, ANY_VALUE(license) AS license
    FROM `bigquery-public-data.github_repos.licenses`
    GROUP BY repo_name
  ),
  wanted AS (
    SELECT
      f.id, f.repo_name, f.path, f.ref, f.mode, f.symlink_target, l.license,
      -- A file LICENSE tells the licence of its own repository, so its content is wanted once for each.
      IF(
        l.license IS NULL AND REGEXP_CONTAINS(f.path, r'(?i)^(licen[cs]e|copying|unlicen[cs]e)[^/]*$'),
        f.repo_name,
        NULL
      ) AS tells_of
    FROM `bigquery-public-data.github_repos.files` AS f
    LEFT JOIN licences AS l ON l.repo_name = f.repo_name
    WHERE
      (
        ARRAY_LENGTH(wanted_licenses) = 0
        OR l.license IN UNNEST(wanted_licenses)
        OR (with_unknown AND l.license IS NULL)
      )
      AND f.symlink_target IS NULL
      AND ABS(MOD(FARM_FINGERPRINT(f.id), 1000000)) < share * 1000000
  ),
  -- Each content once, whatever the number of repositories that have it: of its places one with a licence, if there is
  -- any, and of these the one with the smallest hash of repository and path. So a run gives the same rows each time,
  -- and `copies` still says how many there are.
  places AS (
    SELECT
      id,
      ARRAY_AGG(
        STRUCT(repo_name, path, ref, mode, symlink_target, license)
        ORDER BY license IS NULL, FARM_FINGERPRINT(CONCAT(repo_name, '/', path)), repo_name, path, ref
        LIMIT 1
      )[OFFSET(0)] AS place
    FROM wanted
    GROUP BY id, tells_of
  )
SELECT
  c.id,
  p.place.repo_name AS repo_name,
  p.place.ref AS ref,
  p.place.path AS path,
  p.place.mode AS mode,
  p.place.license AS license,
  c.size,
  c.binary,
  c.content,
  c.copies,
  p.place.symlink_target AS symlink_target
FROM `bigquery-public-data.github_repos.contents` AS c
JOIN places AS p ON p.id = c.id
-- Text only: binary files have no content, nor have texts over 1 MiB.
WHERE NOT c.binary AND c.content IS NOT NULL;

-- Fewer of them, for less: read `sample_contents`, the text files of some well-known repositories with a place of each,
-- instead of all of the above but `licences`:
--
--   SELECT c.id, c.sample_repo_name AS repo_name, c.sample_ref AS ref, c.sample_path AS path,
--          l.license, c.size, c.binary, c.content, c.copies
--   FROM `bigquery-public-data.github_repos.sample_contents` AS c
--   LEFT JOIN licences AS l ON l.repo_name = c.sample_repo_name
--   WHERE NOT c.binary AND c.content IS NOT NULL
