/* SPDX-License-Identifier: Apache-2.0 */
/* verify_doubles.h */
#include "verify_doubles.h"

#include <stdlib.h>

#define PLACES_LEAST (1U << 12)

void verify_doubles_deinit(struct verify_doubles *doubles)
{
    free(doubles->places);
    *doubles = (struct verify_doubles){0};
}

/* Numbers that follow one another have places that do; epochs are apart. */
static struct verify_double *place_of(const struct verify_doubles *doubles, uint32_t epoch, uint64_t key)
{
    return &doubles->places[(key + epoch * UINT64_C(0x9e3779b1)) & (doubles->place_count - 1)];
}

const struct verify_double *verify_doubles_find(const struct verify_doubles *doubles, uint32_t epoch, uint64_t key)
{
    const struct verify_double *place = doubles->place_count ? place_of(doubles, epoch, key) : NULL;

    return place && place->epoch == epoch && place->key == key ? place : NULL;
}

/* While half of it is free; where memory is short it stays as it is. */
static void places_grow(struct verify_doubles *doubles)
{
    struct verify_doubles grown = {.place_count = doubles->place_count ? doubles->place_count * 2 : PLACES_LEAST};

    if (doubles->used_count < doubles->place_count / 2 || doubles->place_count == VERIFY_DOUBLES_MAX)
        return;
    grown.places = calloc(grown.place_count, sizeof(*grown.places));
    if (!grown.places)
        return;
    for (uint32_t i = 0; i < doubles->place_count; i++)
        if (doubles->places[i].epoch != 0) {
            *place_of(&grown, doubles->places[i].epoch, doubles->places[i].key) = doubles->places[i];
            grown.used_count++;
        }
    free(doubles->places);
    *doubles = grown;
}

void verify_doubles_put(struct verify_doubles *doubles, const struct verify_double *one)
{
    struct verify_double *place;

    places_grow(doubles);
    if (doubles->place_count == 0)
        return;
    place = place_of(doubles, one->epoch, one->key);
    doubles->used_count += place->epoch == 0;
    *place = *one;
}
