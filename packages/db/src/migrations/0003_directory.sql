-- Trusted extensions of PostgreSQL's own contrib: the owner of the database may create them.
CREATE EXTENSION IF NOT EXISTS pg_trgm;--> statement-breakpoint
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;--> statement-breakpoint
CREATE SEQUENCE "public"."facet_value_numbers" INCREMENT BY 1 MINVALUE 1 MAXVALUE 99999999 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "facet_values" (
	"id" integer PRIMARY KEY NOT NULL,
	"facet" text NOT NULL,
	"value" text NOT NULL,
	CONSTRAINT "facet_values_facet_value_unique" UNIQUE("facet","value")
);
--> statement-breakpoint
CREATE TABLE "model_search" (
	"model_id" uuid PRIMARY KEY NOT NULL,
	"facets" integer[] NOT NULL,
	"size_bytes" bigint,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"path" text NOT NULL,
	"name" text NOT NULL,
	"head" "tsvector" NOT NULL,
	"words" "tsvector" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "search_words" (
	"word" text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
ALTER TABLE "model_search" ADD CONSTRAINT "model_search_model_id_models_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."models"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "model_search_words" ON "model_search" USING gin ("words") WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "model_search_head" ON "model_search" USING gin ("head") WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "model_search_facets" ON "model_search" USING gin ("facets") WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "model_search_path" ON "model_search" USING gin ("path" gin_trgm_ops) WITH (fastupdate=false);--> statement-breakpoint
CREATE INDEX "model_search_updated" ON "model_search" USING btree ("updated_at","model_id");--> statement-breakpoint
CREATE INDEX "model_search_created" ON "model_search" USING btree ("created_at","model_id");--> statement-breakpoint
CREATE INDEX "model_search_size" ON "model_search" USING btree (coalesce("size_bytes", 9223372036854775807),"model_id");--> statement-breakpoint
CREATE INDEX "model_search_name" ON "model_search" USING btree ("name" collate "C","model_id");--> statement-breakpoint
CREATE INDEX "search_words_similar" ON "search_words" USING gin ("word" gin_trgm_ops);--> statement-breakpoint
-- Written by nobody's code path but the statement itself: what hides a model takes it out of search and counts.
CREATE FUNCTION "hide_from_search"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM model_search WHERE model_id = NEW.id;
	RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER "models_hide_from_search" AFTER UPDATE ON "models" FOR EACH ROW
WHEN (NEW.deleted_at IS NOT NULL OR NEW.repository_private OR NEW.visibility <> 'public' OR NEW.default_version_id IS NULL)
EXECUTE FUNCTION "hide_from_search"();
