CREATE TABLE "gallery_images" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"model_id" uuid NOT NULL,
	"position" integer,
	"unlisted_since" timestamp with time zone DEFAULT now(),
	"alt" text,
	"caption" text DEFAULT '' NOT NULL,
	"inputs" text DEFAULT '' NOT NULL,
	"version_id" uuid,
	"renditions" jsonb NOT NULL,
	"added_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "gallery_images_listed" CHECK (("gallery_images"."position" is null) = ("gallery_images"."unlisted_since" is not null))
);
--> statement-breakpoint
CREATE TABLE "source_files" (
	"version_id" uuid NOT NULL,
	"path" text NOT NULL,
	"bytes" bigint NOT NULL,
	"kind" text NOT NULL,
	"sha256" text,
	CONSTRAINT "source_files_version_id_path_pk" PRIMARY KEY("version_id","path")
);
--> statement-breakpoint
CREATE TABLE "source_texts" (
	"sha256" text PRIMARY KEY NOT NULL,
	"text" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "gallery_images" ADD CONSTRAINT "gallery_images_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "gallery_images" ADD CONSTRAINT "gallery_images_version_id_versions_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."versions"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "source_files" ADD CONSTRAINT "source_files_version_id_versions_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."versions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "source_files" ADD CONSTRAINT "source_files_sha256_source_texts_sha256_fk" FOREIGN KEY ("sha256") REFERENCES "public"."source_texts"("sha256") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "gallery_images_model_id_position_index" ON "gallery_images" USING btree ("model_id","position");--> statement-breakpoint
CREATE INDEX "source_files_sha256_index" ON "source_files" USING btree ("sha256");