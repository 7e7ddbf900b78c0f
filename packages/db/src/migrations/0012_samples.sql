-- As sampleMarks in queries/search-sample.ts gives them to models that are indexed from now on.
UPDATE "model_search" SET "words" = "words" || array_to_tsvector(array(
  SELECT '%' || level FROM generate_series(1, 20) AS level
  WHERE ('x' || right("model_id"::text, 5))::bit(20)::int < 1 << (20 - level)))
WHERE ('x' || right("model_id"::text, 5))::bit(20)::int < 1 << 19;
