/* Sanderling in C: load a compiled model (.sand), fill its inputs, run it, read its outputs.
 *
 *   char error[256];
 *   sanderling_model* model = sanderling_load("model.sand", NULL, error, sizeof error);
 *   if (model == NULL) { fprintf(stderr, "%s\n", error); return 1; }
 *   memcpy(sanderling_input_data(model, 0), picture, sanderling_input(model, 0)->bytes);
 *   if (sanderling_run(model) != SANDERLING_OK) fprintf(stderr, "%s\n", sanderling_error(model));
 *   const int8_t* scores = sanderling_output_data(model, 0);
 *   sanderling_free(model);
 *
 * There is no global state. One model is used by one thread at a time; different models by any threads at once.
 * Compiled models are made by `sanderling compile MODEL -o model.sand` (Python package sanderling).
 */
#ifndef SANDERLING_H
#define SANDERLING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(SANDERLING_BUILDS)
#define SANDERLING_API __attribute__((visibility("default")))
#else
#define SANDERLING_API
#endif

typedef struct sanderling_model sanderling_model;

typedef enum { SANDERLING_OK = 0, SANDERLING_FAILED = 1 } sanderling_status;

typedef enum {
  SANDERLING_FLOAT32,
  SANDERLING_FLOAT16,
  SANDERLING_FLOAT64,
  SANDERLING_INT8,
  SANDERLING_UINT8,
  SANDERLING_INT16,
  SANDERLING_UINT16,
  SANDERLING_INT32,
  SANDERLING_UINT32,
  SANDERLING_INT64,
  SANDERLING_UINT64,
  SANDERLING_BOOL
} sanderling_dtype;

/* A struct of zeros: the defaults. */
typedef struct {
  int threads;         /* 0: SANDERLING_THREADS of the environment, else one for each big core that may be used */
  const char* isa;     /* instruction set, as `sanderling-bench --help` lists them; NULL: SANDERLING_ISA of the
                          environment, else the best of this CPU */
  size_t memory_limit; /* bytes for a model's tensors; 0: 2 GiB */
  const int* cores;    /* one for each thread, on which it stays; NULL: wherever the system puts it */
  int fp16;            /* not 0: float convolutions and fully connected layers may compute in fp16, with other results;
                          loading fails where the CPU has no such arithmetic, or `isa` is below it */
} sanderling_options;

#define SANDERLING_MAX_RANK 8

typedef struct {
  const char* name;
  sanderling_dtype dtype;
  int rank;
  int64_t shape[SANDERLING_MAX_RANK];
  size_t bytes;
  /* real = scale * (value - zero_point); scale 0: not quantized. Of the first channel where each has its own. */
  float scale;
  int32_t zero_point;
} sanderling_tensor;

typedef struct {
  const char* op;     /* "CONV_2D" */
  const char* name;   /* "operator 3 (CONV_2D)" */
  const char* kernel; /* "neon_dotprod/dot8x8" */
  int64_t macs;       /* multiply-adds of a run, where they are known */
  int fused;          /* steps with the same number >= 0 run together, some rows at a time */
} sanderling_step;

/* "0.1.0" */
SANDERLING_API const char* sanderling_version(void);
/* Instruction sets of this CPU and build, best first; NULL from the last on. */
SANDERLING_API const char* sanderling_isa(int i);

/* Maps a file, which must not be cut short while the model is used; or takes `bytes` bytes of memory that the caller
 * keeps, aligned to 64 bytes, until sanderling_free. `options` may be NULL. On failure: NULL, and why in `error` (ended
 * by a zero, cut to error_bytes). */
SANDERLING_API sanderling_model* sanderling_load(const char* path, const sanderling_options* options, char* error,
                                                 size_t error_bytes);
SANDERLING_API sanderling_model* sanderling_load_memory(const void* data, size_t bytes,
                                                        const sanderling_options* options, char* error,
                                                        size_t error_bytes);
SANDERLING_API void sanderling_free(sanderling_model* model); /* NULL: nothing happens */

/* What the latest call that returned SANDERLING_FAILED or NULL found wrong; "" before one did. */
SANDERLING_API const char* sanderling_error(const sanderling_model* model);

SANDERLING_API int sanderling_num_inputs(const sanderling_model* model);
SANDERLING_API int sanderling_num_outputs(const sanderling_model* model);
/* Valid until the next call for the same tensor, and sanderling_free. NULL: there is no such input or output. */
SANDERLING_API const sanderling_tensor* sanderling_input(sanderling_model* model, int i);
SANDERLING_API const sanderling_tensor* sanderling_output(sanderling_model* model, int i);
/* Where input i is written before each run: a run may overwrite it. Valid until resize or free. */
SANDERLING_API void* sanderling_input_data(sanderling_model* model, int i);
/* Output i of the latest run; valid until the next run. */
SANDERLING_API const void* sanderling_output_data(sanderling_model* model, int i);

/* Another shape for input i. On failure the model stays as it was. */
SANDERLING_API sanderling_status sanderling_resize(sanderling_model* model, int i, const int64_t* shape, int rank);
SANDERLING_API sanderling_status sanderling_run(sanderling_model* model);
/* State (variables, recurrent states) back to what it was at load. */
SANDERLING_API sanderling_status sanderling_reset(sanderling_model* model);

/* Steps of a run in order. */
SANDERLING_API int sanderling_num_steps(const sanderling_model* model);
SANDERLING_API const sanderling_step* sanderling_step_at(const sanderling_model* model, int i);
/* As sanderling_run, and adds the nanoseconds of step i to nanoseconds[i]. */
SANDERLING_API sanderling_status sanderling_run_profiled(sanderling_model* model, double* nanoseconds);

/* Runs the model on the seeded inputs for which the file has the hashes of the outputs, and resets it.
 * SANDERLING_FAILED: an output differs, or a run failed. `compared` (may be NULL): how many outputs have a hash. */
SANDERLING_API sanderling_status sanderling_verify(sanderling_model* model, int* compared);

/* Names of classes; NULL where the file has none for i. */
SANDERLING_API const char* sanderling_label(const sanderling_model* model, int i);
SANDERLING_API int sanderling_threads(const sanderling_model* model);
/* Steps that compute in fp16; 0 where that was not asked for, and for integer networks. Hashes in the file are of
 * float32: where there are such steps, sanderling_verify may find others. */
SANDERLING_API int sanderling_fp16_steps(const sanderling_model* model);
/* Bytes of the one block for all computed tensors. */
SANDERLING_API size_t sanderling_arena_bytes(const sanderling_model* model);
/* Packed weights that were taken from the file, and those that were packed at load, in bytes. */
SANDERLING_API void sanderling_packed_bytes(const sanderling_model* model, size_t* from_file, size_t* at_load);

#ifdef __cplusplus
}
#endif

#endif
