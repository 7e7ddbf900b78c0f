-- The moves of default versions become part of the one record of changes. A move before the first had no policy yet.
INSERT INTO "model_changes" ("model_id", "kind", "changed_by", "what", "from_value", "to_value", "reason", "changed_at")
SELECT c."model_id", CASE WHEN c."changed_by" IS NULL THEN 'policy' ELSE 'person' END, c."changed_by", 'default-version',
	jsonb_build_object('version', f."number", 'policy',
		coalesce(lag(c."policy") OVER (PARTITION BY c."model_id" ORDER BY c."id"), 'latest')),
	jsonb_build_object('version', t."number", 'policy', c."policy"), c."reason", c."changed_at"
FROM "default_version_changes" c
LEFT JOIN "versions" f ON f."id" = c."from_version_id"
LEFT JOIN "versions" t ON t."id" = c."to_version_id"
ORDER BY c."id";--> statement-breakpoint
DROP TABLE "default_version_changes" CASCADE;
