/* Calls everything of sanderling.h, also wrongly; prints what differs from what is expected and fails then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sanderling.h"

static int failures = 0;
#define EXPECT(condition)                                                                \
  do {                                                                                   \
    if (!(condition)) printf("line %d: not so: %s\n", __LINE__, #condition), ++failures; \
  } while (0)

static char* content(const char* path, size_t* bytes) {
  FILE* f = fopen(path, "rb");
  if (f == NULL) exit(2);
  fseek(f, 0, SEEK_END);
  *bytes = (size_t)ftell(f);
  rewind(f);
  char* data = aligned_alloc(64, (*bytes + 63) / 64 * 64);
  if (fread(data, 1, *bytes, f) != *bytes) exit(2);
  fclose(f);
  return data;
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const char* path = arguments[1];
  char error[200];

  EXPECT(strlen(sanderling_version()) > 0);
  EXPECT(sanderling_isa(0) != NULL && sanderling_isa(99) == NULL && sanderling_isa(-1) == NULL);

  EXPECT(sanderling_load("/no/such/file", NULL, error, sizeof error) == NULL);
  EXPECT(strcmp(error, "/no/such/file: No such file or directory") == 0);
  EXPECT(sanderling_load("/", NULL, error, sizeof error) == NULL && strstr(error, "not a file") != NULL);
  EXPECT(sanderling_load(arguments[0], NULL, error, 12) == NULL && strlen(error) == 11);
  EXPECT(sanderling_load(arguments[0], NULL, NULL, 0) == NULL);
  sanderling_options wrong = {0};
  wrong.isa = "mmx";
  EXPECT(sanderling_load(path, &wrong, error, sizeof error) == NULL && strstr(error, "mmx") != NULL);
  wrong.isa = NULL, wrong.threads = -3;
  EXPECT(sanderling_load(path, &wrong, error, sizeof error) == NULL && strstr(error, "threads is -3") != NULL);
  wrong.threads = 1, wrong.memory_limit = 100;
  EXPECT(sanderling_load(path, &wrong, error, sizeof error) == NULL && strstr(error, "memory limit") != NULL);
  /* Integer networks stay as they are, where the CPU has fp16 arithmetic. */
  const sanderling_options half = {.threads = 1, .fp16 = 1};
  sanderling_model* asked = sanderling_load(path, &half, error, sizeof error);
  if (asked == NULL)
    EXPECT(strstr(error, "fp16: this CPU has no fp16 arithmetic") != NULL);
  else
    EXPECT(sanderling_fp16_steps(asked) == 0 && sanderling_verify(asked, NULL) == SANDERLING_OK);
  sanderling_free(asked);
  sanderling_free(NULL);

  size_t bytes;
  char* data = content(path, &bytes);
  EXPECT(sanderling_load_memory(data, bytes / 2, NULL, error, sizeof error) == NULL &&
         strstr(error, "damaged") != NULL);
  EXPECT(sanderling_load_memory(data, 0, NULL, error, sizeof error) == NULL);

  const sanderling_options two = {.threads = 2, .isa = "portable"};
  sanderling_model* models[2];
  models[0] = sanderling_load(path, NULL, error, sizeof error);
  models[1] = sanderling_load_memory(data, bytes, &two, error, sizeof error);
  size_t from_file, at_load;
  for (int k = 0; k < 2; ++k) {
    sanderling_model* m = models[k];
    if (m == NULL) {
      printf("%s\n", error);
      return 1;
    }
    EXPECT(strcmp(sanderling_error(m), "") == 0);
    EXPECT(sanderling_num_inputs(m) == 1 && sanderling_num_outputs(m) == 1);
    EXPECT(sanderling_input(m, 1) == NULL && sanderling_output(m, -1) == NULL);
    EXPECT(sanderling_input_data(m, 7) == NULL && sanderling_output_data(m, 1) == NULL);
    const sanderling_tensor* x = sanderling_input(m, 0);
    EXPECT(strcmp(x->name, "picture") == 0 && x->dtype == SANDERLING_INT8 && x->rank == 4 && x->shape[1] == 9);
    EXPECT(x->bytes == 9 * 9 * 3 && x->scale > 0.04f && x->zero_point == 1);
    EXPECT(strcmp(sanderling_output(m, 0)->name, "scores") == 0 && sanderling_output(m, 0)->bytes == 7);
    EXPECT(strcmp(sanderling_label(m, 6), "thing 6") == 0 && sanderling_label(m, 7) == NULL);
    EXPECT(sanderling_arena_bytes(m) > 0 && sanderling_threads(m) >= 1 && sanderling_fp16_steps(m) == 0);
    int compared = 0;
    EXPECT(sanderling_verify(m, &compared) == SANDERLING_OK && compared == 1);
    EXPECT(sanderling_verify(m, NULL) == SANDERLING_OK);
  }
  sanderling_packed_bytes(models[0], &from_file, &at_load);
  EXPECT(from_file > 0 && at_load == 0);
  EXPECT(sanderling_threads(models[1]) == 2);

  /* The same picture gives the same bytes, also in a larger batch. */
  int8_t scores[2][7];
  for (int k = 0; k < 2; ++k) {
    memset(sanderling_input_data(models[k], 0), 5, 9 * 9 * 3);
    EXPECT(sanderling_run(models[k]) == SANDERLING_OK);
    memcpy(scores[k], sanderling_output_data(models[k], 0), 7);
  }
  EXPECT(memcmp(scores[0], scores[1], 7) == 0);
  const int64_t batch[4] = {3, 9, 9, 3}, channels[4] = {1, 9, 9, 4}, negative[1] = {-1};
  EXPECT(sanderling_resize(models[0], 0, batch, 4) == SANDERLING_OK);
  EXPECT(sanderling_input(models[0], 0)->shape[0] == 3 && sanderling_output(models[0], 0)->bytes == 21);
  memset(sanderling_input_data(models[0], 0), 5, 3 * 9 * 9 * 3);
  EXPECT(sanderling_run(models[0]) == SANDERLING_OK);
  EXPECT(memcmp((const char*)sanderling_output_data(models[0], 0) + 14, scores[0], 7) == 0);
  EXPECT(sanderling_verify(models[0], NULL) == SANDERLING_FAILED);
  EXPECT(strstr(sanderling_error(models[0]), "input 'picture' has been resized to [3, 9, 9, 3]") != NULL);
  EXPECT(sanderling_resize(models[0], 0, channels, 4) == SANDERLING_FAILED);
  EXPECT(strstr(sanderling_error(models[0]), "CONV_2D") != NULL);
  EXPECT(sanderling_resize(models[0], 0, negative, 1) == SANDERLING_FAILED);
  EXPECT(sanderling_resize(models[0], 2, batch, 4) == SANDERLING_FAILED);
  EXPECT(sanderling_resize(models[0], 0, batch, 99) == SANDERLING_FAILED);
  EXPECT(sanderling_input(models[0], 0)->shape[0] == 3 && sanderling_run(models[0]) == SANDERLING_OK);

  const int steps = sanderling_num_steps(models[0]);
  EXPECT(steps == 4 && sanderling_step_at(models[0], steps) == NULL && sanderling_step_at(models[0], -1) == NULL);
  EXPECT(strcmp(sanderling_step_at(models[0], 0)->op, "CONV_2D") == 0);
  EXPECT(sanderling_step_at(models[0], 0)->macs == 3 * 9 * 9 * 20 * 27);
  double* times = calloc((size_t)steps, sizeof(double));
  EXPECT(sanderling_run_profiled(models[0], times) == SANDERLING_OK);
  EXPECT(times[0] > 0);
  EXPECT(sanderling_reset(models[0]) == SANDERLING_OK);
  free(times);
  sanderling_free(models[0]);
  sanderling_free(models[1]);
  free(data);
  return failures > 0;
}
