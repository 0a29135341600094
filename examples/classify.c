/* Classify a picture with a compiled model: the values of its first input come from a file.
 *
 *   cc classify.c $(pkg-config --cflags --libs --static sanderling) -o classify
 *   ./classify model.sand picture.raw
 */
#include <stdio.h>
#include <stdlib.h>

#include "sanderling.h"

/* Scores of 8-bit or float classifiers. */
static double score(const sanderling_tensor* t, const void* data, size_t i) {
  switch (t->dtype) {
    case SANDERLING_INT8: return t->scale * (((const int8_t*)data)[i] - t->zero_point);
    case SANDERLING_UINT8: return t->scale * (((const uint8_t*)data)[i] - t->zero_point);
    case SANDERLING_FLOAT32: return ((const float*)data)[i];
    default: fprintf(stderr, "scores of type %d are not handled here\n", (int)t->dtype); exit(1);
  }
}

int main(int count, char** arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: classify MODEL.sand INPUT\n");
    return 2;
  }
  char error[256];
  sanderling_model* model = sanderling_load(arguments[1], NULL, error, sizeof error);
  if (model == NULL) {
    fprintf(stderr, "%s\n", error);
    return 1;
  }
  const size_t bytes = sanderling_input(model, 0)->bytes;
  FILE* file = fopen(arguments[2], "rb");
  if (file == NULL) {
    perror(arguments[2]);
    return 1;
  }
  if (fread(sanderling_input_data(model, 0), 1, bytes, file) != bytes) {
    fprintf(stderr, "%s: %lu bytes expected\n", arguments[2], (unsigned long)bytes);
    return 1;
  }
  fclose(file);
  if (sanderling_run(model) != SANDERLING_OK) {
    fprintf(stderr, "%s\n", sanderling_error(model));
    return 1;
  }
  const sanderling_tensor* output = sanderling_output(model, 0);
  const void* scores = sanderling_output_data(model, 0);
  const size_t classes = (size_t)output->shape[output->rank - 1];
  size_t best = 0;
  for (size_t i = 1; i < classes; ++i)
    if (score(output, scores, i) > score(output, scores, best)) best = i;
  const char* label = sanderling_label(model, (int)best);
  printf("%lu %s\n", (unsigned long)best, label ? label : "");
  sanderling_free(model);
  return 0;
}
