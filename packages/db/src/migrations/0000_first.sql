CREATE TABLE "deliveries" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"guid" text NOT NULL,
	"body_sha256" text NOT NULL,
	"event" text NOT NULL,
	"action" text,
	"repository_id" bigint,
	"repository_name" text,
	"installation_id" bigint,
	"payload" jsonb NOT NULL,
	"state" text DEFAULT 'received' NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"not_before" timestamp with time zone,
	"decision" text,
	"reason" text,
	"model_id" uuid,
	"version_id" uuid,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"worked_at" timestamp with time zone,
	CONSTRAINT "deliveries_guid_unique" UNIQUE("guid")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"build_id" uuid NOT NULL,
	"not_before" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "default_version_changes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "default_version_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"model_id" uuid NOT NULL,
	"from_version_id" uuid,
	"to_version_id" uuid,
	"policy" text NOT NULL,
	"changed_by" text,
	"reason" text NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "installations" (
	"id" bigint PRIMARY KEY NOT NULL,
	"publisher_id" uuid NOT NULL,
	"suspended_at" timestamp with time zone,
	"deleted_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "model_names" (
	"path" text PRIMARY KEY NOT NULL,
	"model_id" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "models" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"github_repository_id" bigint NOT NULL,
	"publisher_id" uuid NOT NULL,
	"installation_id" bigint,
	"name" text NOT NULL,
	"slug" text NOT NULL,
	"state" text NOT NULL,
	"state_reason" text,
	"branch" text NOT NULL,
	"repository_private" boolean NOT NULL,
	"visibility" text DEFAULT 'public' NOT NULL,
	"default_policy" text DEFAULT 'latest' NOT NULL,
	"default_version_id" uuid,
	"substitution_policy" text,
	"viewers_see_versions" boolean DEFAULT false NOT NULL,
	"viewers_see_logs" boolean DEFAULT false NOT NULL,
	"title" text,
	"summary" text,
	"readme" text,
	"licence" jsonb,
	"topics" text[] DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "models_github_repository_id_unique" UNIQUE("github_repository_id"),
	CONSTRAINT "models_publisher_id_slug_unique" UNIQUE("publisher_id","slug")
);
--> statement-breakpoint
CREATE TABLE "publishers" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"github_id" bigint NOT NULL,
	"login" text NOT NULL,
	"slug" text NOT NULL,
	"kind" text NOT NULL,
	"name" text,
	"avatar_url" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "publishers_github_id_unique" UNIQUE("github_id"),
	CONSTRAINT "publishers_slug_unique" UNIQUE("slug")
);
--> statement-breakpoint
CREATE TABLE "api_tokens" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"token_hash" text NOT NULL,
	"prefix" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp with time zone,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_tokens_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "model_permissions" (
	"user_id" uuid NOT NULL,
	"model_id" uuid NOT NULL,
	"permission" text NOT NULL,
	"checked_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "model_permissions_user_id_model_id_pk" PRIMARY KEY("user_id","model_id")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"token_hash" text NOT NULL,
	"user_id" uuid NOT NULL,
	"github_tokens" text NOT NULL,
	"access_expires_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "sessions_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"github_id" bigint NOT NULL,
	"login" text NOT NULL,
	"name" text,
	"avatar_url" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_github_id_unique" UNIQUE("github_id")
);
--> statement-breakpoint
CREATE TABLE "builds" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"version_id" uuid NOT NULL,
	"target" text NOT NULL,
	"attempt" integer DEFAULT 1 NOT NULL,
	"state" text DEFAULT 'queued' NOT NULL,
	"use_cache" boolean DEFAULT true NOT NULL,
	"epoch" integer DEFAULT 0 NOT NULL,
	"lease_owner" text,
	"lease_expires_at" timestamp with time zone,
	"not_before" timestamp with time zone,
	"cancel_requested_at" timestamp with time zone,
	"cancel_requested_by" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"current_step" text,
	"image_repository" text,
	"image_tag" text,
	"image_digest" text,
	"image_pushed" boolean DEFAULT false NOT NULL,
	"size_bytes" bigint,
	"manifest" jsonb,
	"substitutions" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"base" jsonb,
	"dockerfile" text,
	"layers" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"failure" jsonb,
	"line_count" integer DEFAULT 0 NOT NULL,
	"log_bytes" bigint DEFAULT 0 NOT NULL,
	"check_run_id" bigint,
	"check_reported" text,
	CONSTRAINT "builds_version_id_target_attempt_unique" UNIQUE("version_id","target","attempt")
);
--> statement-breakpoint
CREATE TABLE "log_lines" (
	"build_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"epoch" integer NOT NULL,
	"step" text NOT NULL,
	"stream" text NOT NULL,
	"printed_at" timestamp with time zone NOT NULL,
	"text" text NOT NULL,
	CONSTRAINT "log_lines_build_id_number_pk" PRIMARY KEY("build_id","number")
);
--> statement-breakpoint
CREATE TABLE "steps" (
	"build_id" uuid NOT NULL,
	"epoch" integer NOT NULL,
	"position" integer NOT NULL,
	"name" text NOT NULL,
	"command" text,
	"state" text DEFAULT 'running' NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"duration_ms" integer,
	"exit_code" integer,
	"out_of_memory" boolean DEFAULT false NOT NULL,
	"reused" boolean DEFAULT false NOT NULL,
	CONSTRAINT "steps_build_id_epoch_position_pk" PRIMARY KEY("build_id","epoch","position"),
	CONSTRAINT "steps_build_id_epoch_name_unique" UNIQUE("build_id","epoch","name")
);
--> statement-breakpoint
CREATE TABLE "versions" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"model_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"commit" text NOT NULL,
	"ref" text,
	"commit_subject" text DEFAULT '' NOT NULL,
	"author_name" text,
	"requested_by" text,
	"trigger" text NOT NULL,
	"rebuild_of" uuid,
	"state" text DEFAULT 'queued' NOT NULL,
	"state_reason" text,
	"config" jsonb,
	"warnings" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"manifest" jsonb,
	"readme" text,
	"licence" jsonb,
	"yanked_at" timestamp with time zone,
	"yanked_by" text,
	"yank_reason" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "versions_model_id_number_unique" UNIQUE("model_id","number")
);
--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_version_id_versions_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."versions"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_build_id_builds_id_fk" FOREIGN KEY ("build_id") REFERENCES "public"."builds"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "default_version_changes" ADD CONSTRAINT "default_version_changes_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "default_version_changes" ADD CONSTRAINT "default_version_changes_from_version_id_versions_id_fk" FOREIGN KEY ("from_version_id") REFERENCES "public"."versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "default_version_changes" ADD CONSTRAINT "default_version_changes_to_version_id_versions_id_fk" FOREIGN KEY ("to_version_id") REFERENCES "public"."versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "installations" ADD CONSTRAINT "installations_publisher_id_publishers_id_fk" FOREIGN KEY ("publisher_id") REFERENCES "public"."publishers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_names" ADD CONSTRAINT "model_names_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "models" ADD CONSTRAINT "models_publisher_id_publishers_id_fk" FOREIGN KEY ("publisher_id") REFERENCES "public"."publishers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "models" ADD CONSTRAINT "models_installation_id_installations_id_fk" FOREIGN KEY ("installation_id") REFERENCES "public"."installations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "models" ADD CONSTRAINT "models_default_version_id_versions_id_fk" FOREIGN KEY ("default_version_id") REFERENCES "public"."versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_permissions" ADD CONSTRAINT "model_permissions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model_permissions" ADD CONSTRAINT "model_permissions_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "builds" ADD CONSTRAINT "builds_version_id_versions_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."versions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "log_lines" ADD CONSTRAINT "log_lines_build_id_builds_id_fk" FOREIGN KEY ("build_id") REFERENCES "public"."builds"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "steps" ADD CONSTRAINT "steps_build_id_builds_id_fk" FOREIGN KEY ("build_id") REFERENCES "public"."builds"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "versions" ADD CONSTRAINT "versions_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "versions" ADD CONSTRAINT "versions_rebuild_of_versions_id_fk" FOREIGN KEY ("rebuild_of") REFERENCES "public"."versions"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "deliveries_received_at_index" ON "deliveries" USING btree ("received_at");--> statement-breakpoint
CREATE INDEX "deliveries_repository_id_received_at_index" ON "deliveries" USING btree ("repository_id","received_at");--> statement-breakpoint
CREATE INDEX "deliveries_open" ON "deliveries" USING btree ("received_at") WHERE "deliveries"."state" = 'received';--> statement-breakpoint
CREATE INDEX "default_version_changes_model_id_index" ON "default_version_changes" USING btree ("model_id");--> statement-breakpoint
CREATE INDEX "models_installation_id_index" ON "models" USING btree ("installation_id");--> statement-breakpoint
CREATE INDEX "models_updated_at_index" ON "models" USING btree ("updated_at");--> statement-breakpoint
CREATE INDEX "model_permissions_model_id_index" ON "model_permissions" USING btree ("model_id");--> statement-breakpoint
CREATE INDEX "builds_state_lease_expires_at_index" ON "builds" USING btree ("state","lease_expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "versions_model_commit" ON "versions" USING btree ("model_id","commit") WHERE "versions"."rebuild_of" is null;--> statement-breakpoint
CREATE INDEX "versions_model_id_state_index" ON "versions" USING btree ("model_id","state");