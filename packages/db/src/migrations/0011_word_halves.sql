DROP INDEX "search_words_similar";--> statement-breakpoint
CREATE INDEX "search_words_beginning" ON "search_words" USING btree ("word" text_pattern_ops);--> statement-breakpoint
CREATE INDEX "search_words_end" ON "search_words" USING btree (reverse("word") text_pattern_ops);