"""Which family has which functions, for those families that are imported when one of theirs is first asked for.

`tests/test_functions_registry.py` holds the lists true.
"""

from __future__ import annotations

# Imported with the catalogue.
CORE = (
    "arithmetic", "predicates", "elements", "conditional", "conversions", "strings", "maths", "arrays", "aggregates",
)  # fmt: skip
# Family to its functions, aliases too.
LATE: dict[str, str] = {
    "patterns": """
        like ilike rlike regexp regexp_like regexp_extract regexp_extract_all regexp_substr regexp_count
        regexp_instr regexp_replace split likeany notlikeany likeall notlikeall
    """,
    "encodings": """
        unbase64 to_binary try_to_binary url_decode try_url_decode is_valid_utf8 make_valid_utf8 validate_utf8
        try_validate_utf8 to_base32 from_base32 parse_url try_parse_url quote
        ascii chr char base64 bin hex unhex encode decode url_encode
    """,
    "substrings": """
        trim ltrim rtrim btrim lpad rpad substring substr left right substring_index overlay split_part
    """,
    "likeness": "levenshtein jaro_winkler_similarity soundex luhn_check",
    "array_values": """
        array_contains array_position array_remove array_distinct array_union array_intersect array_except
        arrays_overlap sort_array array_sort array_max array_min array_compact
    """,
    "dates": """
        year quarter month day dayofmonth dayofyear dayofweek weekday weekofyear hour minute second dayname
        monthname extract datepart date_part make_date make_timestamp try_make_timestamp make_timestamp_ltz
        try_make_timestamp_ltz make_timestamp_ntz try_make_timestamp_ntz try_make_interval make_interval
        make_dt_interval make_ym_interval from_utc_timestamp to_utc_timestamp convert_timezone to_date
        to_timestamp to_timestamp_ltz to_timestamp_ntz try_to_date try_to_timestamp unix_timestamp
        to_unix_timestamp date_format from_unixtime make_time time_diff time_trunc time_from_seconds
        time_from_millis time_from_micros time_to_seconds time_to_millis time_to_micros to_time try_to_time time
        current_time localtime current_timestamp now current_date curdate localtimestamp current_timezone
        date_add dateadd date_sub datediff date_diff add_months last_day next_day months_between trunc date_trunc
        timestampadd timestampdiff unix_seconds unix_millis unix_micros unix_date date_from_unix_date
        timestamp_seconds timestamp_millis timestamp_micros
    """,
    "formats": """
        format_number format_string printf conv
    """,
    "randoms": """
        rand random randn uniform randstr uuid shuffle
    """,
    "sequences": """
        sequence
    """,
    "maps": """
        map map_keys map_values map_entries map_contains_key map_from_arrays map_from_entries map_concat
        str_to_map
    """,
    "higher_order": """
        transform filter exists forall aggregate reduce zip_with transform_keys transform_values map_filter
        map_zip_with
    """,
    "generators": """
        explode posexplode explode_outer posexplode_outer inline inline_outer stack
    """,
    "moments": """
        stddev_samp stddev std stddev_pop var_samp variance var_pop skewness kurtosis corr covar_pop covar_samp
        regr_count regr_avgx regr_avgy regr_sxx regr_syy regr_sxy regr_slope regr_intercept regr_r2 (product)
        approx_count_distinct percentile percentile_cont percentile_disc median percentile_approx
        approx_percentile mode
    """,
    "windows": """
        row_number rank dense_rank percent_rank cume_dist ntile lag lead nth_value
    """,
    "time_windows": "window window_time session_window",
    "hashing": """
        md5 sha sha1 sha2 crc32 hash xxhash64 hmac
    """,
    "information": """
        (no_data) (shown) input_file_name
        version collation current_path
        typeof current_catalog current_schema current_database current_user user session_user equal_null grouping
        grouping_id grouping__id assert_true raise_error monotonically_increasing_id spark_partition_id
    """,
    "json_texts": """
        from_json to_json get_json_object json_array_length json_object_keys schema_of_json json_tuple
    """,
    "variants": """
        (extract) parse_json try_parse_json is_variant_null is_valid_variant schema_of_variant schema_of_variant_agg
        variant_get try_variant_get to_variant_object variant_explode (variant_explode)
        variant_explode_outer (variant_explode_outer)
    """,
    "variant_changes": """
        variant_insert try_variant_insert variant_set try_variant_set variant_array_append try_variant_array_append
        variant_delete variant_strip_nulls
    """,
    "csv_texts": "from_csv to_csv schema_of_csv",
    "fields": """
        update_fields
    """,
    "number_texts": """
        to_char to_varchar to_number try_to_number
    """,
    "bitmaps": """
        bitmap_bit_position bitmap_bucket_number bitmap_count bitmap_construct_agg bitmap_or_agg bitmap_and_agg
    """,
    "vectors": """
        vector_inner_product vector_l2_distance vector_cosine_similarity vector_norm vector_normalize vector_sum
        vector_avg
    """,
    "time_buckets": "time_bucket",
}
