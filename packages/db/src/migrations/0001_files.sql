CREATE TABLE "blobs" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"sha256" text NOT NULL,
	"bytes" bigint NOT NULL,
	"key" text NOT NULL,
	"inspection" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "blobs_key_unique" UNIQUE("key"),
	CONSTRAINT "blobs_sha256_bytes_unique" UNIQUE("sha256","bytes")
);
--> statement-breakpoint
CREATE TABLE "files" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"model_id" uuid NOT NULL,
	"option" text,
	"choice" text,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"blob_id" uuid NOT NULL,
	"uploaded_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"replaced_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "object_deletions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "object_deletions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"key" text NOT NULL,
	"upload_id" text,
	"not_before" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "upload_parts" (
	"session_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"bytes" bigint NOT NULL,
	"recorded_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "upload_parts_session_id_number_pk" PRIMARY KEY("session_id","number")
);
--> statement-breakpoint
CREATE TABLE "upload_sessions" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"model_id" uuid NOT NULL,
	"option" text,
	"choice" text,
	"file_name" text NOT NULL,
	"bytes" bigint NOT NULL,
	"last_modified" bigint NOT NULL,
	"fingerprint" text NOT NULL,
	"claimed_sha256" text,
	"part_bytes" bigint NOT NULL,
	"key" text NOT NULL,
	"upload_id" text,
	"state" text DEFAULT 'uploading' NOT NULL,
	"failure" jsonb,
	"started_by" text NOT NULL,
	"epoch" integer DEFAULT 0 NOT NULL,
	"lease_owner" text,
	"lease_expires_at" timestamp with time zone,
	"verified_bytes" bigint DEFAULT 0 NOT NULL,
	"file_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "upload_sessions_key_unique" UNIQUE("key")
);
--> statement-breakpoint
ALTER TABLE "files" ADD CONSTRAINT "files_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "files" ADD CONSTRAINT "files_blob_id_blobs_id_fk" FOREIGN KEY ("blob_id") REFERENCES "public"."blobs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload_parts" ADD CONSTRAINT "upload_parts_session_id_upload_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."upload_sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload_sessions" ADD CONSTRAINT "upload_sessions_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload_sessions" ADD CONSTRAINT "upload_sessions_file_id_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."files"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "files_current_place" ON "files" USING btree ("model_id","option",coalesce("choice", '')) WHERE "files"."option" is not null and "files"."replaced_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "files_current_free" ON "files" USING btree ("model_id","name") WHERE "files"."option" is null and "files"."replaced_at" is null;--> statement-breakpoint
CREATE INDEX "files_model_id_index" ON "files" USING btree ("model_id");--> statement-breakpoint
CREATE INDEX "files_blob_id_index" ON "files" USING btree ("blob_id");--> statement-breakpoint
CREATE INDEX "object_deletions_not_before_index" ON "object_deletions" USING btree ("not_before");--> statement-breakpoint
CREATE UNIQUE INDEX "upload_sessions_same_file" ON "upload_sessions" USING btree ("model_id",coalesce("option", ''),coalesce("choice", ''),"started_by","file_name","bytes","last_modified","fingerprint") WHERE "upload_sessions"."state" = 'uploading';--> statement-breakpoint
CREATE INDEX "upload_sessions_open" ON "upload_sessions" USING btree ("model_id") WHERE "upload_sessions"."state" in ('uploading', 'verifying');--> statement-breakpoint
CREATE INDEX "upload_sessions_due" ON "upload_sessions" USING btree ("state","expires_at");