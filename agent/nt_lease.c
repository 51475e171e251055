/* SPDX-License-Identifier: Apache-2.0 */
/* nt_lease.h */
#include "nt_lease.h"

bool nt_lease_open(struct nt_lease *lease, const void *buffer, size_t got_bytes, uint64_t epoch)
{
    const struct muster_nt_read_header *header = buffer;

    if (got_bytes < sizeof(*header) || header->epoch != epoch || header->record_bytes != got_bytes - sizeof(*header))
        return false;
    if ((header->lease_id == 0) != (header->record_count == 0) ||
        header->record_count > header->record_bytes / sizeof(struct muster_record) ||
        (header->record_count == 0 && header->record_bytes != 0))
        return false;
    *lease = (struct nt_lease){
        .id = header->lease_id,
        .records = (const unsigned char *)(header + 1),
        .record_bytes = header->record_bytes,
        .record_count = header->record_count,
        .base_position = lease->base_position,
    };
    return true;
}

const struct muster_record *nt_lease_next(struct nt_lease *lease, uint64_t *ret_position, uint32_t *ret_lost)
{
    const struct muster_record *record;

    *ret_lost = 0;
    lease->last_offset = lease->offset;
    if (lease->walked_count < lease->record_count && lease->offset < lease->record_bytes &&
        muster_record_validate(lease->records + lease->offset, lease->record_bytes - lease->offset, &record) ==
            MUSTER_OK) {
        lease->offset += record->size_bytes;
        lease->walked_count++;
        lease->given_position = lease->base_position + lease->offset;
        *ret_position = lease->given_position;
        return record;
    }
    *ret_lost = lease->record_count - lease->walked_count;
    lease->walked_count = lease->record_count;
    lease->offset = lease->record_bytes;
    return NULL;
}

void nt_lease_unread(struct nt_lease *lease)
{
    lease->offset = lease->last_offset;
    lease->walked_count--;
    lease->given_position = lease->offset > 0 ? lease->base_position + lease->offset : 0;
}

bool nt_lease_is_read(const struct nt_lease *lease)
{
    return lease->walked_count == lease->record_count;
}

void nt_lease_close(struct nt_lease *lease)
{
    *lease = (struct nt_lease){.base_position = lease->base_position + lease->record_bytes};
}
