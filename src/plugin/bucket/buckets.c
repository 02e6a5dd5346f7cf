/* SPDX-License-Identifier: Apache-2.0 */
/* Object stores, a row each, and their types. */
#include "plugin/bucket/bucket.h"
#include "plugin/core/trigger/trigger.h"
#include "plugin/service/service.h"

static const char *const actions[] = {"MOVE", "DELETE", "NONE", NULL};
static const char *const filters[] = {"FILES", "DIRECTORY", "BOTH", NULL};

/* clang-format off */
#define TEXT(NAME, DOC) {NAME, FIELD_STRING, FIELD_DYNAMIC, .doc = (DOC)}
#define NEEDED(NAME, DOC) {NAME, FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = (DOC)}

/* --- Amazon S3 --- */

static const BucketSetting s3_settings[] = {
    {"region", "storage.s3.region"},
    {"accessKeyId", "storage.s3.access-key"},
    {"secretKeyId", "storage.s3.secret-key"},
    {"sessionToken", "storage.s3.session-token"},
    {"endpointOverride", "storage.s3.endpoint"},
    {"forcePathStyle", "storage.s3.force-path-style"},
    {},
};
static const BucketStore s3 = {.type = "s3", .scheme = "s3", .bucket = "storage.s3.bucket",
                               .region = "storage.s3.region", .settings = s3_settings};

#define S3                                                                                                             \
    NEEDED("bucket", "Bucket."), TEXT("region", "Its region; us-east-1."),                                             \
    TEXT("accessKeyId", "Access key; else what the worker's surroundings give, as for internal storage."),             \
    TEXT("secretKeyId", "Secret key."), TEXT("sessionToken", "Session token of temporary keys."),                      \
    TEXT("endpointOverride", "Another server that speaks S3."),                                                        \
    {"forcePathStyle", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "The bucket is a part of the path, not of the host."},     \
    {"compatibilityMode", FIELD_BOOLEAN, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "Every server is spoken to alike."}
#define FIND                                                                                                           \
    TEXT("prefix", "Beginning of the keys."), TEXT("regexp", "What a whole key must look like."),                      \
    {"maxKeys", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "1000", .doc = "Most objects."},                             \
    {"filter", FIELD_ENUM, FIELD_DYNAMIC | FIELD_IGNORED, .values = filters,                                           \
     .doc = "Objects that stand for directories are always left out."}
#define ACT                                                                                                            \
    {"action", FIELD_ENUM, FIELD_DYNAMIC, .values = actions, .doc = "What becomes of objects that were fetched."}
#define MOVE_TO                                                                                                        \
    {"moveTo", FIELD_OBJECT, 0, .fields = move_to, .doc = "Where action MOVE puts them."}

static const Field move_to[] = {TEXT("bucket", "Bucket; the same when left out."), TEXT("key", "Directory."), {}};
static const Field s3_upload[] = {
    {"from", FIELD_ANY, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "A file kestra://…, a list of them, or name to file."},
    NEEDED("key", "Name of the object; of several files, of their directory."), S3,
    {"storageClass", FIELD_STRING, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "The bucket's own is used."},
    {}};
static const Field s3_object[] = {NEEDED("key", "Name of the object."), S3, {}};
static const Field s3_list[] = {S3, FIND, {}};
static const Field s3_downloads[] = {S3, FIND, ACT, MOVE_TO, {}};
static const Field s3_trigger[] = {S3, FIND, ACT, MOVE_TO, TRIGGER_FIELD_INTERVAL, {}};

/* --- Google Cloud Storage --- */

static const BucketSetting gcs_settings[] = {
    {"serviceAccount", "storage.gcs.service-account"},
    {"endpoint", "storage.gcs.endpoint"},
    {},
};
static const BucketStore gcs = {.type = "gcs", .scheme = "gs", .bucket = "storage.gcs.bucket", .by_uri = true,
                                .settings = gcs_settings};

#define GCS                                                                                                            \
    TEXT("serviceAccount", "Key of the service account, JSON; else what the worker's surroundings give."),             \
    {"projectId", FIELD_STRING, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "The bucket says it."},                          \
    TEXT("endpoint", "Another server that speaks the protocol.")
static const Field gcs_upload[] = {
    {"from", FIELD_ANY, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "A file kestra://…, a list of them, or name to file."},
    NEEDED("to", "gs://bucket/object"), GCS, {}};
static const Field gcs_download[] = {NEEDED("from", "gs://bucket/object"), GCS, {}};
static const Field gcs_list[] = {NEEDED("from", "gs://bucket/prefix"), TEXT("regexp", "What a whole key must look like."), GCS, {}};
static const Field gcs_delete[] = {NEEDED("uri", "gs://bucket/object"), GCS, {}};
static const Field gcs_trigger[] = {
    NEEDED("from", "gs://bucket/prefix"), TEXT("regexp", "What a whole key must look like."), GCS, ACT,
    TEXT("moveDirectory", "gs://bucket/directory/ for action MOVE."), TRIGGER_FIELD_INTERVAL, {}};

/* --- what they give --- */

static const Field upload_outputs[] = {
    {"bucket", FIELD_STRING, .doc = "Bucket."}, {"key", FIELD_STRING, .doc = "Object or directory."},
    {"uri", FIELD_STRING, .doc = "The same as one address."},
    {"files", FIELD_MAP, .item = FIELD_STRING, .doc = "Of several files: name to key."}, {}};
static const Field download_outputs[] = {
    {"uri", FIELD_STRING, .doc = "The file, kestra://…."}, {"contentLength", FIELD_INTEGER, .doc = "Its bytes."},
    {"bucket", FIELD_STRING, .doc = "Bucket."}, {"key", FIELD_STRING, .doc = "Object."}, {}};
static const Field object_fields[] = {
    {"bucket", FIELD_STRING, .doc = "Bucket."}, {"key", FIELD_STRING, .doc = "Name."},
    {"uri", FIELD_STRING, .doc = "Where it is; when fetched, the file kestra://…."},
    {"size", FIELD_INTEGER, .doc = "Bytes."}, {"lastModified", FIELD_DATE_TIME, .doc = "When it was written."}, {}};
static const Field list_outputs[] = {
    {"objects", FIELD_LIST, .item = FIELD_OBJECT, .fields = object_fields, .doc = "The objects."}, {}};
static const Field downloads_outputs[] = {
    {"objects", FIELD_LIST, .item = FIELD_OBJECT, .fields = object_fields, .doc = "The objects."},
    {"outputFiles", FIELD_MAP, .item = FIELD_STRING, .doc = "Key to file kestra://…."}, {}};
static const Field delete_outputs[] = {{"deleted", FIELD_BOOLEAN, .doc = "Whether it was there."}, {}};
/* clang-format on */

#define BUCKET_TYPE(ID, KIND, NAME, TITLE, STORE, FIELDS, OUTPUTS, RUN)                                                \
    const Type ID = {                                                                                                  \
        .name = NAME,                                                                                                  \
        .kind = KIND,                                                                                                  \
        .where = RUN_CHILD,                                                                                            \
        .title = TITLE,                                                                                                \
        .fields = FIELDS,                                                                                              \
        .outputs = OUTPUTS,                                                                                            \
        .row = &(STORE),                                                                                               \
        .run = RUN,                                                                                                    \
    }

BUCKET_TYPE(task_s3_upload, TYPE_TASK, "io.kestra.plugin.aws.s3.Upload", "Put files into a bucket of Amazon S3.", s3,
            s3_upload, upload_outputs, bucket_run_upload);
BUCKET_TYPE(task_s3_download, TYPE_TASK, "io.kestra.plugin.aws.s3.Download", "Get an object of Amazon S3.", s3,
            s3_object, download_outputs, bucket_run_download);
BUCKET_TYPE(task_s3_list, TYPE_TASK, "io.kestra.plugin.aws.s3.List", "List objects of Amazon S3.", s3, s3_list,
            list_outputs, bucket_run_list);
BUCKET_TYPE(task_s3_downloads, TYPE_TASK, "io.kestra.plugin.aws.s3.Downloads", "Get all objects below a prefix.", s3,
            s3_downloads, downloads_outputs, bucket_run_downloads);
BUCKET_TYPE(task_s3_delete, TYPE_TASK, "io.kestra.plugin.aws.s3.Delete", "Delete an object of Amazon S3.", s3,
            s3_object, delete_outputs, bucket_run_delete);
BUCKET_TYPE(trigger_s3, TYPE_TRIGGER, "io.kestra.plugin.aws.s3.Trigger",
            "Start the flow when there are objects in a bucket of Amazon S3.", s3, s3_trigger, downloads_outputs,
            bucket_run_trigger);
BUCKET_TYPE(task_gcs_upload, TYPE_TASK, "io.kestra.plugin.gcp.gcs.Upload", "Put files into Google Cloud Storage.", gcs,
            gcs_upload, upload_outputs, bucket_run_upload);
BUCKET_TYPE(task_gcs_download, TYPE_TASK, "io.kestra.plugin.gcp.gcs.Download", "Get an object of Google Cloud Storage.",
            gcs, gcs_download, download_outputs, bucket_run_download);
BUCKET_TYPE(task_gcs_list, TYPE_TASK, "io.kestra.plugin.gcp.gcs.List", "List objects of Google Cloud Storage.", gcs,
            gcs_list, list_outputs, bucket_run_list);
BUCKET_TYPE(task_gcs_delete, TYPE_TASK, "io.kestra.plugin.gcp.gcs.Delete", "Delete an object of Google Cloud Storage.",
            gcs, gcs_delete, delete_outputs, bucket_run_delete);
BUCKET_TYPE(trigger_gcs, TYPE_TRIGGER, "io.kestra.plugin.gcp.gcs.Trigger",
            "Start the flow when there are objects in a bucket of Google Cloud Storage.", gcs, gcs_trigger,
            downloads_outputs, bucket_run_trigger);
