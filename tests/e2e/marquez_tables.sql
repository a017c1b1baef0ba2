-- The tables of a Marquez database that an import reads, in the shapes that they have since V73.
CREATE TABLE lineage_events (event_time timestamptz, event jsonb, event_type text,
  job_name text, job_namespace text, producer text, run_uuid uuid,
  created_at timestamptz DEFAULT now(), _event_type varchar(64) DEFAULT 'RUN_EVENT');
CREATE INDEX ON lineage_events (event_time DESC);
CREATE TABLE namespaces (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL, name varchar UNIQUE NOT NULL, description text,
  current_owner_name varchar(64), is_hidden boolean DEFAULT false);
CREATE TABLE sources (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), type varchar(64) NOT NULL,
  created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, name varchar UNIQUE NOT NULL,
  connection_url varchar NOT NULL, description text);
CREATE TABLE datasets (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), type varchar(64) NOT NULL,
  created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
  namespace_uuid uuid REFERENCES namespaces, source_uuid uuid REFERENCES sources,
  name varchar NOT NULL, physical_name varchar NOT NULL, description text,
  current_version_uuid uuid, namespace_name varchar, source_name varchar,
  is_deleted boolean DEFAULT false, is_hidden boolean DEFAULT false, UNIQUE (namespace_uuid, name));
CREATE TABLE dataset_fields (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), type text,
  created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
  dataset_uuid uuid REFERENCES datasets, name varchar(255) NOT NULL, description text,
  UNIQUE (dataset_uuid, name, type));
CREATE TABLE dataset_versions_field_mapping (dataset_version_uuid uuid, dataset_field_uuid uuid,
  PRIMARY KEY (dataset_version_uuid, dataset_field_uuid));
CREATE TABLE stream_versions (dataset_version_uuid uuid, schema_location varchar(255));
CREATE TABLE jobs (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), type varchar(64) NOT NULL,
  created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
  namespace_uuid uuid REFERENCES namespaces, simple_name varchar(255) NOT NULL, description text,
  current_version_uuid uuid, namespace_name varchar(255), current_location varchar,
  symlink_target_uuid uuid REFERENCES jobs, parent_job_uuid uuid REFERENCES jobs,
  is_hidden boolean DEFAULT false, name varchar NOT NULL, aliases varchar[],
  current_run_uuid uuid, UNIQUE (namespace_uuid, name));
CREATE TABLE job_versions_io_mapping (job_version_uuid uuid, dataset_uuid uuid REFERENCES datasets,
  io_type varchar(64) NOT NULL, job_uuid uuid, is_current_job_version boolean DEFAULT false);
CREATE TABLE tags (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL, name varchar NOT NULL UNIQUE, description text);
CREATE TABLE datasets_tag_mapping (dataset_uuid uuid REFERENCES datasets, tag_uuid uuid REFERENCES tags,
  tagged_at timestamptz NOT NULL, PRIMARY KEY (tag_uuid, dataset_uuid));
CREATE TABLE dataset_fields_tag_mapping (dataset_field_uuid uuid REFERENCES dataset_fields,
  tag_uuid uuid REFERENCES tags, tagged_at timestamptz NOT NULL,
  PRIMARY KEY (tag_uuid, dataset_field_uuid));
CREATE TABLE jobs_tag_mapping (job_uuid uuid REFERENCES jobs, tag_uuid uuid REFERENCES tags,
  tagged_at timestamptz NOT NULL, PRIMARY KEY (tag_uuid, job_uuid));
CREATE TABLE dataset_versions (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL, dataset_uuid uuid REFERENCES datasets, version uuid NOT NULL,
  run_uuid uuid);
CREATE TABLE run_args (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL, args text NOT NULL, checksum varchar(255) UNIQUE NOT NULL);
CREATE TABLE runs (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(), created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL, job_version_uuid uuid, run_args_uuid uuid REFERENCES run_args,
  nominal_start_time timestamptz, nominal_end_time timestamptz, current_run_state varchar(64),
  start_run_state_uuid uuid, end_run_state_uuid uuid, external_id varchar, namespace_name varchar,
  job_name varchar, location varchar, transitioned_at timestamptz, started_at timestamptz,
  ended_at timestamptz, parent_run_uuid uuid REFERENCES runs, job_uuid uuid REFERENCES jobs);
CREATE TABLE run_states (uuid uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  transitioned_at timestamptz NOT NULL, run_uuid uuid REFERENCES runs, state varchar(64) NOT NULL);
CREATE TABLE runs_input_mapping (run_uuid uuid REFERENCES runs,
  dataset_version_uuid uuid REFERENCES dataset_versions,
  PRIMARY KEY (run_uuid, dataset_version_uuid));
