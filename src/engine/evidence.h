/*
 * evidence.h - what a job leaves as a proof of what it did: its story in
 * report.json and report.html, and a checksum over all of it (seal.h).
 *
 * Made when the last stage has ended, of what the others left in the job; made
 * anew as often as wanted.
 */
#ifndef ENGINE_EVIDENCE_H
#define ENGINE_EVIDENCE_H

struct err;
struct seal_options;

/* What `test` showed of its items, a line of JSON each; of docs/TEST.md. */
#define JOB_SAMPLES "samples.jsonl"

/* Returns 0, or -1: ERR_REFUSED if the job has no report yet. */
int evidence_write(const struct seal_options *o, struct err *err);

#endif
