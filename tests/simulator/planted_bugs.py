# SPDX-License-Identifier: Apache-2.0
"""Bugs that the simulator has to find: name: (file, what stands there once, what is planted instead, and perhaps another such pair).
Each is one that somebody could make, or has made, in this kind of code."""

PUMP, CAPTURE, INTAKE, ACCOUNT = "agent/pump.c", "agent/capture.c", "sensor_linux/intake.c", "sensor_linux/account.c"
LEASE = "sensor_linux/account_lease.c"
EMIT, RING, OUTPUT = "sensor_linux/bpf/emit.h", "sensor_linux/ring.c", "sinks/output.c"

BUGS = {
    # ---- the kernel side's protocol
    "number_before_its_bound": (EMIT, """    *(volatile __u64 *)&birth->slot->in_flight = (word & SENSOR_SEQUENCE_MASK) + 1;
    /* The add is a full barrier: whoever sees the number sees in_flight. */
    __u64 before = __sync_fetch_and_add(&control.sequence, 1);
""", """    __u64 before = __sync_fetch_and_add(&control.sequence, 1);
    __sync_lock_test_and_set(&birth->slot->in_flight, (word & SENSOR_SEQUENCE_MASK) + 1);
"""),
    "generation_read_apart": (EMIT, "birth->generation = before >> 63;",
                              "birth->generation = __sync_fetch_and_add(&control.sequence, 0) >> 63;"),
    "loss_in_one_generation": (EMIT, "&birth->slot->losses[birth->generation & 1]", "&birth->slot->losses[0]"),
    "cause_of_loss_is_always_full": (EMIT, "loss->causes[cause]++;", "loss->causes[0]++;"),
    "first_lost_of_one_cause": (EMIT, "if (loss->causes[0] + loss->causes[1] + loss->causes[2] == 0) {", "if (loss->causes[0] == 0) {"),
    "last_lost_not_moved": (EMIT, "    loss->last_sequence = birth->sequence;\n", ""),
    "loss_counted_behind_its_end": (EMIT, "    if (!put)\n        event_lost(birth, SENSOR_RING_FULL);\n",
                                    "    if (!put) {\n        event_done(birth);\n        event_lost(birth, SENSOR_RING_FULL);\n    }\n"),
    "starts_whole_up_to_the_brim": (EMIT, "state->size_bytes / MUSTER_SHARE_UNIT * MUSTER_SHARE_START_WHOLE;", "state->size_bytes;"),
    "large_starts_into_the_reserve": (EMIT, "    return size_bytes <= room && record_put(record, size_bytes);", "    return record_put(record, size_bytes);"),
    "skeletons_not_in_the_ledger": (CAPTURE, "    ledger.degraded = sensor.degraded + queue.ledger.degraded;", "    ledger.degraded = sensor.degraded;"),
    "filtered_never_ends": (EMIT, "    birth->slot->filtered[birth->generation & 1]++;\n    event_done(birth);",
                            "    birth->slot->filtered[birth->generation & 1]++;"),
    "filtered_not_counted": (EMIT, "    birth->slot->filtered[birth->generation & 1]++;\n", ""),
    "classes_inverted": (EMIT, "> state->size_bytes / MUSTER_SHARE_UNIT * share;", "> state->size_bytes - state->size_bytes / MUSTER_SHARE_UNIT * share;"),
    "woken_before_the_record_is_there": (EMIT, "    struct bpf_dynptr room;\n", "    struct bpf_dynptr room;\n    __u64 flags = wake_flags();\n"),
    "never_woken": (EMIT, "    return BPF_RB_FORCE_WAKEUP;", "    return BPF_RB_NO_WAKEUP;"),
    "reader_woken_when_awake_alone": (EMIT, "if (wake_at == SENSOR_AWAKE || bpf_ringbuf_query(&ring, BPF_RB_PROD_POS) < wake_at)",
                                      "if (wake_at == SENSOR_AWAKE || bpf_ringbuf_query(&ring, BPF_RB_PROD_POS) <= wake_at + 4096)"),
    # ---- the ring's reader
    "busy_record_passed": (RING, "        if (length & RECORD_BUSY)\n            return NULL;\n", ""),
    "busy_record_stepped_over": (RING, "        if (length & RECORD_BUSY)\n            return NULL;\n",
                                 "        if (length & RECORD_BUSY) {\n            ring->position += (RECORD_HEADER_BYTES + size + 7U) & ~7U;\n            continue;\n        }\n"),
    # ---- the intake
    "given_back_and_not_rewound": (INTAKE, "    intake->ring.position = intake->last_position;\n", ""),
    "given_back_and_still_counted": (INTAKE, "    account_unread(&intake->account, record->sequence);\n", ""),
    "looked_before_armed": (INTAKE, """    __atomic_store_n(wake_at, intake->ring.position + distance, __ATOMIC_SEQ_CST);
    if (!quiet || !ring_has_more(&intake->ring))
        return true;
""", """    bool more = ring_has_more(&intake->ring);
    __atomic_store_n(wake_at, intake->ring.position + distance, __ATOMIC_SEQ_CST);
    if (!quiet || !more)
        return true;
"""),
    "quiet_and_woken_late": (INTAKE, "quiet ? 1 : intake->ring.size_bytes / 4", "intake->ring.size_bytes / 4"),
    "refused_record_forgotten": (INTAKE, "            account_refused(&intake->account, bytes, size_bytes);\n", ""),
    "gap_told_twice": (INTAKE, "        if (tell(context, &gap->record, position))\n", "        if (tell(context, &gap->record, position) && tell(context, &gap->record, position))\n"),
    "gap_not_taken_and_not_given_back": (INTAKE, "        account_gap_unread(&intake->account);\n", ""),
    "ended_with_a_gap_to_tell": (INTAKE, "    return gaps_tell(intake, tell, context) && is_accounted(intake);", "    (void)gaps_tell(intake, tell, context);\n    return is_accounted(intake);"),
    "left_before_the_ring_is_read": (INTAKE, "settled >= intake->leaving_sequence && intake_rest_is_read(intake)", "settled >= intake->leaving_sequence"),
    # ---- the account
    "flipped_twice": (ACCOUNT, "    if (account->flipped)\n        return;\n", ""),
    "bound_is_off_by_one": (ACCOUNT, "bound <= sequence", "bound < sequence"),
    "read_of_the_wrong_generation": (ACCOUNT, "account->flipped && sequence > account->flipped_sequence", "account->flipped && sequence >= account->flipped_sequence"),
    "read_of_the_next_forgotten": (ACCOUNT, "    account->read_before = account->read_after;\n", "    memset(&account->read_before, 0, sizeof(account->read_before));\n"),
    "range_off_by_one": (ACCOUNT, "        gap->last_sequence = loss->last_sequence;", "        gap->last_sequence = loss->last_sequence + 1;"),
    "range_starts_with_the_last_slot": (ACCOUNT, "gap->first_sequence == 0 || loss->first_sequence < gap->first_sequence", "gap->first_sequence == 0 || loss->first_sequence > gap->first_sequence"),
    "losses_of_the_other_generation": (ACCOUNT, "&slot->losses[account->flipped_generation];", "&slot->losses[!account->flipped_generation];"),
    "skipped_runs_told_again": (ACCOUNT, "    memcpy(account->missed, missed, sizeof(account->missed));\n", ""),
    "one_lost_event_is_none": (ACCOUNT, "    if (gap.count > 0)\n        gap_make(account, &gap);\n    generation_advance", "    if (gap.count > 1)\n        gap_make(account, &gap);\n    generation_advance"),
    "settled_with_programs_under_way": (ACCOUNT, "        if (!account_programs_done(account, account->flipped_sequence))\n            return false;\n", ""),
    "position_read_too_early": (ACCOUNT, """        if (!account_programs_done(account, account->flipped_sequence))
            return false;
        account->drained = true;
        account->drained_position = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
""", """        account->drained_position = __atomic_load_n(ring->producer_position, __ATOMIC_ACQUIRE);
        if (!account_programs_done(account, account->flipped_sequence))
            return false;
        account->drained = true;
"""),
    "settled_before_all_is_read": (ACCOUNT, "    return (int64_t)(ring->position - account->drained_position) >= 0;", "    return true;"),
    "filtered_counted_again": (ACCOUNT, "            slot->filtered[generation] = 0;\n", ""),
    "losses_counted_again": (ACCOUNT, "            memset(&slot->losses[generation], 0, sizeof(slot->losses[generation]));\n", ""),
    "types_mixed_up": (ACCOUNT, "    gap->types[program] += count;", "    gap->types[0] += count;"),
    "refused_of_another_generation": (ACCOUNT, "(account_is_after(account, record->sequence) ? after : before)->refused", "before->refused"),
    "too_many_gaps": (ACCOUNT, "!gaps_have_room(account) || !generation_is_over", "!generation_is_over"),
    "gap_given_back_and_still_told": ("sensor_linux/account_lease.c", "        account->told[cause] -= gap->causes[cause];", "        account->told[cause] -= 0;"),
    # ---- what outlives the agent
    "released_before_committed": (LEASE, "    account_commit(account);\n    ring_ack(ring, position); /* after it: what the kernel may overwrite is committed */", "    ring_ack(ring, position);\n    account_commit(account);"),
    "acknowledged_and_not_committed": (LEASE, "    account_commit(account);\n    ring_ack(ring, position); /* after it: what the kernel may overwrite is committed */", "    ring_ack(ring, position);"),
    "last_number_not_kept": (ACCOUNT, "            journal_flip_write(account->journal, word & SENSOR_SEQUENCE_MASK);", "            (void)word;"),
    "last_number_kept_too_late": (ACCOUNT, "            journal_flip_write(account->journal, word & SENSOR_SEQUENCE_MASK);\n    } while", "            (void)word;\n    } while", "    account->flipped_sequence = word & SENSOR_SEQUENCE_MASK;\n    account->flipped_generation", "    account->flipped_sequence = word & SENSOR_SEQUENCE_MASK;\n    if (account->journal)\n        journal_flip_write(account->journal, word & SENSOR_SEQUENCE_MASK);\n    account->flipped_generation"),
    "slots_emptied_before_committed": (ACCOUNT, "    account_commit(account);\n    account_slots_clear(account, account->flipped_generation);", "    account_slots_clear(account, account->flipped_generation);\n    account_commit(account);"),
    "slots_not_emptied_for_the_dead": (LEASE, "        account_slots_clear(account, (uint32_t)(1 - state->generation));", "        (void)state;"),
    "always_the_same_copy": ("sensor_linux/journal.c", "    copy = &journal->copies[state->serial & 1];", "    copy = &journal->copies[0];"),
    "older_copy_taken": ("sensor_linux/journal.c", "journal->copies[i].serial > newest->serial", "journal->copies[i].serial < newest->serial"),
    "gap_not_kept": (ACCOUNT, "        journal_gap_write(account->journal, account->gaps_made, gap);", "        (void)gap;"),
    "gaps_of_the_dead_forgotten": (LEASE, "account->gaps_told = state->gaps_acknowledged;", "account->gaps_told = state->gaps_made;"),
    "gap_acknowledged_with_what_is_before_it": (LEASE, "        account_position(account, ring_position) + GAP_POSITION_BYTES;", "        account_position(account, ring_position);"),
    "settled_and_read_again": (LEASE, "    account->reread = settled_in_ring(ring, state.settled_sequence);\n", ""),
    "read_by_the_dead_forgotten": (LEASE, "account->acknowledged_before = account->read_before = state->before;", "account->acknowledged_before = state->before;"),
    "acknowledged_after_the_flip_forgotten": (ACCOUNT, "    account->acknowledged_before = account->acknowledged_after;", "    memset(&account->acknowledged_before, 0, sizeof(account->acknowledged_before));"),
    "gone_on_where_the_ring_stands": (LEASE, "    ring_ack(ring, state.position);\n    ring->position = state.position;\n", "    ring->position = *ring->consumer_position;\n"),
    "flip_of_the_dead_not_seen": (LEASE, "    account->flipped = word >> 63 != state->generation;", "    account->flipped = false;"),
    "closed_bit_is_a_number": (INTAKE, "__atomic_load_n(&intake->control->sequence, __ATOMIC_SEQ_CST) & SENSOR_SEQUENCE_MASK;\n}", "__atomic_load_n(&intake->control->sequence, __ATOMIC_SEQ_CST) & ~SENSOR_GENERATION_BIT;\n}"),
    "baseline_told_before_it_is_acknowledged": (LEASE, "(account->baseline_acknowledged ? JOURNAL_BASELINE_TOLD", "(account->baseline_told ? JOURNAL_BASELINE_TOLD"),
    "not_on_the_disk": (PUMP, "pump->durable && !output_file_sync(pump->durable)", "pump->durable && pump->stopping && !output_file_sync(pump->durable)"),
    # ---- capture
    "no_room_and_not_given_back": (CAPTURE, "        if (!queue_has_room(capture, record)) {\n            muster_sensor_unread(capture->sensor, record);\n",
                                   "        if (!queue_has_room(capture, record)) {\n"),
    "no_memory_and_not_given_back": (CAPTURE, "        if (status == MUSTER_NO_MEMORY || status == MUSTER_NO_ROOM) {", "        if (status == MUSTER_NO_ROOM) {"),
    "drains_without_end": (CAPTURE, "        if (count % CLOCK_EVERY == 0 && host_monotonic_ns() - begin_ns > DRAIN_MOST_MS * NS_PER_MS)\n            break;\n", ""),
    "pump_not_told_of_the_last": (CAPTURE, "    if (count % WAKE_EVERY != 0)\n        pump_wake(capture->pump);\n", ""),
    "sleeps_though_there_is_more": (CAPTURE, "        return moved > 0 ? 0 : UNFINISHED_WAIT_MS;", "        return ACCOUNT_IDLE_MS;"),
    "progress_not_seen": (CAPTURE, "        progress->since_ns = now_ns;\n", ""),
    "patience_without_end": (CAPTURE, "           now_ns - progress->since_ns < wakeups_patience_ms(capture->wakeups) * NS_PER_MS;",
                             "           now_ns - progress->begin_ns < 100 * wakeups_patience_ms(capture->wakeups) * NS_PER_MS;"),
    "second_signal_ignored": (CAPTURE, "progress->end = told_again(capture, progress) ? CAPTURE_ABANDONED : CAPTURE_STALLED;",
                              "progress->end = CAPTURE_STALLED;"),
    "one_signal_is_two": (CAPTURE, "    return host_monotonic_ns() - progress->begin_ns > AGAIN_MS * NS_PER_MS;", "    return true;"),
    "filtered_not_in_the_ledger": (CAPTURE, "    ledger.filtered = sensor.filtered;\n", ""),
    "sensors_losses_not_in_the_ledger": (CAPTURE, "sensor.dropped[cause] + queue.ledger.dropped[cause];\n    *ret_ledger", "queue.ledger.dropped[cause];\n    *ret_ledger"),
    "undelivered_less_what_was_left_out": (CAPTURE, "                __atomic_load_n(&capture->pump->filtered, __ATOMIC_RELAXED) + muster_ledger_dropped(&ledger);",
                                           "                muster_ledger_dropped(&ledger);"),
    "detached_too_late": (CAPTURE, "    muster_sensor_detach(capture->sensor);\n", ""),
    "losses_report_misses_the_queue": (CAPTURE, "ret_losses[cause] = sensor.told[cause] + queue.ledger.dropped[cause];", "ret_losses[cause] = queue.ledger.dropped[cause];"),
    "lost_of_what_came_since": ("agent/watch.c", "watch->pump.stopped.produced, causes",
                                "({ struct muster_ledger now; capture_ledger(&watch->capture, &now); now.produced; }), causes"),
    # ---- pump
    "acknowledged_before_written": (PUMP, "    if (status == MUSTER_OK)\n        status = lease_write(pump, &lease);\n    if (status == MUSTER_OK)\n        lease_done(pump, &lease);",
                                    "    if (status == MUSTER_OK && lease.source_position)\n        muster_sensor_ack(pump->sensor, lease.source_position);\n    if (status == MUSTER_OK)\n        status = lease_write(pump, &lease);\n    if (status == MUSTER_OK)\n        lease_done(pump, &lease);"),
    "acknowledged_before_flushed": (PUMP, "    return status == MUSTER_OK ? output_settle(pump) : status;\n}\n\nstatic void lease_done", "    return status;\n}\n\nstatic void lease_done"),
    "position_of_nothing_acknowledged": (PUMP, "    if (lease->source_position != 0)\n", ""),
    "never_acknowledged": (PUMP, "        muster_sensor_ack(pump->sensor, lease->source_position);", "        (void)pump->sensor;"),
    "wake_up_lost": (PUMP, "        if (status == MUSTER_EMPTY)\n            status = MUSTER_OK;", "        if (status == MUSTER_EMPTY) {\n            status = MUSTER_OK;\n            pump->work = false;\n        }"),
    "wait_without_its_condition": (PUMP, "    while (!pump->work && !pump->stopping)\n        worker_wait(worker);", "    if (!pump->stopping)\n        worker_wait(worker);"),
    "left_out_and_not_counted": (PUMP, "        if (numbered)\n            __atomic_fetch_add(&pump->filtered, 1, __ATOMIC_RELAXED);\n", ""),
    "error_forgotten": (PUMP, "errno ? errno : EIO", "EIO"),
    "gap_without_room_forgotten": (CAPTURE, "    return !capture->gap_waits;", "    return true;"),
    "finished_before_the_error_is_told": (PUMP, "    if (status != MUSTER_OK)\n        pump_fail(pump, status);\n    __atomic_store_n(&pump->finished, true, __ATOMIC_RELEASE);",
                                          "    __atomic_store_n(&pump->finished, true, __ATOMIC_RELEASE);\n    if (status != MUSTER_OK)\n        pump_fail(pump, status);"),
    "stopped_without_the_ledger": (PUMP, "    if (stopped)\n        pump->stopped = *stopped;\n", ""),
    # ---- found by the simulator, and mended
    "ends_without_a_word": ("agent/watch.c", """    if (status != MUSTER_OK)
        report("cannot start: %s", muster_status_text(status));
    return status == MUSTER_OK;""", "    return status == MUSTER_OK;"),
    "fuller_than_full": (RING, "    } while (__atomic_load_n(ring->consumer_position, __ATOMIC_ACQUIRE) != consumer);", "    } while (false);"),
    # ---- core
    "budget_not_given_back": ("core/block.c", "        muster_platform_free(first, bytes);\n        room_uncharge(room, bytes);", "        muster_platform_free(first, bytes);\n        (void)room;"),
    "budget_given_back_too_early": ("core/block.c", "        muster_platform_free(first, bytes);\n        room_uncharge(room, bytes);", "        room_uncharge(room, bytes);\n        muster_platform_free(first, bytes);"),
    "budget_not_given_back_without_memory": ("core/block.c", "        room_uncharge(room, charged_bytes);\n        return NULL;", "        return NULL;"),
    "room_beyond_the_limit": ("core/room.c", "        taken = preferred_bytes < left ? preferred_bytes : left;", "        taken = left != 0 ? preferred_bytes : left;"),
    "records_delivered_are_all_kinds": ("core/queue.c", "    queue->delivered += queue->numbered_count;", "    queue->delivered += queue->record_count;"),
    "dropped_though_it_comes_again": ("core/queue_push.c", "(queue->numbered_upstream && !cannot_help)", "(!queue->numbered_upstream && !cannot_help)"),
    "position_not_kept": ("core/queue_push.c", "    queue->record_bytes += push->record_bytes;\n    source_reached(queue, push->source_position);", "    queue->record_bytes += push->record_bytes;"),
    "position_of_the_first_block": ("core/cache.c", "        batch->last->source_position = batch->source_position;", "        batch->first->source_position = batch->source_position;"),
    "produced_with_each_attempt": ("core/queue_push.c", "    if (!may_come_again(queue, fixed, cause)) {", "    queue->produced += queue->numbered_upstream;\n    if (!may_come_again(queue, fixed, cause)) {"),
    "lease_begins_with_the_second": ("core/lease.c", "        cursor->offset = lease->first_offset;", "        cursor->offset = lease->first_offset + (lease->record_count > 1 ? ((const struct muster_record *)(const void *)lease->first->records)->size_bytes : 0);\n        cursor->done_count += lease->record_count > 1;"),
    # ---- sinks
    "short_write_taken_for_whole": (OUTPUT, "            done += (size_t)taken;", "            done = output->buffer.size_bytes;"),
    "interrupted_is_an_error": (OUTPUT, "        } else if (errno != EINTR) {", "        } else {"),
    "part_of_a_line_is_whole": (OUTPUT, "    output->whole_bytes += whole_bytes;", "    output->whole_bytes += written_bytes;"),
    "last_line_not_counted": (OUTPUT, "output->lines[i].end_bytes <= written_bytes", "output->lines[i].end_bytes < written_bytes"),
    "lines_counted_again": (OUTPUT, "    output->line_count = 0;\n    return MUSTER_OK;", "    return MUSTER_OK;"),
    "counted_before_written": (OUTPUT, "    size_t written_bytes = write_all(output);\n    settle(output, written_bytes);", "    size_t written_bytes;\n    settle(output, output->buffer.size_bytes);\n    written_bytes = write_all(output);"),
    "written_again_behind_a_short_write": (OUTPUT, "output->buffer.bytes + done, left);", "output->buffer.bytes + done, left);\n        if (taken > 4096)\n            taken--;"),
    "every_line_is_numbered": ("sinks/sink.c", "muster_record_is_numbered(record) ? 1 : 0", "1"),
    "range_printed_from_its_end": ("sinks/ndjson_members.c", "AT(muster_gap, first_sequence)", "AT(muster_gap, last_sequence)"),
}
