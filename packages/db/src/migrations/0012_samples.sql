-- As sampleMarks in queries/search-sample.ts gives them to models that are indexed from now on.
UPDATE "model_search" SET "words" = "words" || "marks", "head" = "head" || "marks"
FROM (
  SELECT "model_id" AS "id", array_to_tsvector(array_agg('%' || "level")) AS "marks"
  FROM "model_search", generate_series(1, 20) AS "level"
  WHERE ('x' || right("model_id"::text, 5))::bit(20)::int < 1 << (20 - "level")
  GROUP BY 1
) "samples" WHERE "model_id" = "id";
