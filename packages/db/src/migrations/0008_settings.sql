CREATE TABLE "model_changes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "model_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"model_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"changed_by" text,
	"what" text NOT NULL,
	"from_value" jsonb,
	"to_value" jsonb,
	"reason" text,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "chosen_slug" text;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "branch_rules" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "tag_rules" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "repository_archived" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "archived_by" text;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "deleted_by" text;--> statement-breakpoint
ALTER TABLE "model_changes" ADD CONSTRAINT "model_changes_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "model_changes_model_id_id_index" ON "model_changes" USING btree ("model_id","id");--> statement-breakpoint
-- Until now only a repository could archive its model.
UPDATE "models" SET "repository_archived" = true WHERE "state" = 'archived';
