ALTER TABLE "models" ADD COLUMN "edited" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "repository_summary" text;--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "repository_topics" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "versions" ADD COLUMN "citation" text;--> statement-breakpoint
UPDATE "models" SET "repository_summary" = "summary", "repository_topics" = "topics",
  "edited" = CASE WHEN "title" IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('title', "title") END;
