/* SPDX-License-Identifier: Apache-2.0 */
/* The rows: tools of data, infrastructure and clouds. */
#include "plugin/command/command.h"

/* --- dbt --- */

static const char *const dbt_log_formats[] = {"JSON", "TEXT", "DEBUG", "NONE", NULL};
static const char *const dbt_engines[] = {"CORE", "FUSION", NULL};
static const Field dbt_manifest_fields[] = {
    {"key", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "Key of the KV store."},
    {"namespace", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "Namespace of the KV store."},
    {},
};
static const Field dbt_fields[] = {
    COMMAND_FIELD,
    COMMAND_TEXT("profiles", "Content of profiles.yml."),
    COMMAND_TEXT("projectDir", "Directory of the project, below the working directory."),
    {"parseRunResults", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",
     .doc = "Whether target/run_results.json and target/manifest.json are kept as output files."},
    {"logFormat", FIELD_ENUM, FIELD_DYNAMIC | FIELD_IGNORED, .values = dbt_log_formats,
     .doc = "dbt's lines are logged as it writes them."},
    {"engine", FIELD_ENUM, FIELD_DYNAMIC | FIELD_IGNORED, .values = dbt_engines, .doc = "The image decides."},
    {"storeManifest", FIELD_OBJECT, FIELD_IGNORED, .fields = dbt_manifest_fields, .doc = "Use outputFiles and kv.Set."},
    {"loadManifest", FIELD_OBJECT, FIELD_IGNORED, .fields = dbt_manifest_fields, .doc = "Use inputFiles and kv()."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"ghcr.io/kestra-io/dbt\""),
    {},
};

const Type task_dbt_cli = {
    COMMAND_TYPE,
    .name = "io.kestra.plugin.dbt.cli.DbtCLI",
    .title = "Run commands of dbt.",
    .examples = (const char *const[]){"id: build\n"
                                      "type: io.kestra.plugin.dbt.cli.DbtCLI\n"
                                      "namespaceFiles:\n"
                                      "  enabled: true\n"
                                      "profiles: |\n"
                                      "  shop:\n"
                                      "    target: dev\n"
                                      "    outputs: {dev: {type: duckdb, path: shop.duckdb}}\n"
                                      "commands:\n"
                                      "  - dbt deps\n"
                                      "  - dbt build\n",
                                      NULL},
    .fields = dbt_fields,
    .row =
        &(const CommandLine){
            .variables = (const CommandVariable[]){{"projectDir", "DBT_PROJECT_DIR", false}, {}},
            .files =
                (const CommandFile[]){{"profiles", "profiles.yml", "export DBT_PROFILES_DIR=\"$WORKING_DIR\""}, {}},
            .output_files = (const char *const[]){"**/target/run_results.json", "**/target/manifest.json",
                                                  "target/run_results.json", "target/manifest.json", NULL},
            .output_property = "parseRunResults",
        },
};

/* --- infrastructure --- */

static const Field terraform_fields[] = {
    COMMAND_FIELD,
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"hashicorp/terraform\""),
    {},
};

const Type task_terraform_cli = {
    COMMAND_TYPE,
    .name = "io.kestra.plugin.terraform.cli.TerraformCLI",
    .title = "Run commands of Terraform.",
    .examples = (const char *const[]){"id: apply\n"
                                      "type: io.kestra.plugin.terraform.cli.TerraformCLI\n"
                                      "inputFiles:\n"
                                      "  main.tf: \"{{ read('main.tf') }}\"\n"
                                      "beforeCommands:\n"
                                      "  - terraform init\n"
                                      "commands:\n"
                                      "  - terraform apply -auto-approve\n",
                                      NULL},
    .fields = terraform_fields,
    .row = &(const CommandLine){},
};

static const Field opentofu_fields[] = {
    COMMAND_FIELD,
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"ghcr.io/opentofu/opentofu\""),
    {},
};

const Type task_opentofu_cli = {
    COMMAND_TYPE,
    .name = "io.kestra.plugin.opentofu.cli.OpenTofuCLI",
    .title = "Run commands of OpenTofu.",
    .fields = opentofu_fields,
    .row = &(const CommandLine){},
};

static const char *const ansible_output_modes[] = {"ALL", "EXPLICIT", NULL};
static const Field ansible_fields[] = {
    COMMAND_FIELD,
    COMMAND_TEXT("ansibleConfig", "Content of ansible.cfg, unless inputFiles has one."),
    {"outputsMode", FIELD_ENUM, FIELD_DYNAMIC | FIELD_IGNORED, .values = ansible_output_modes,
     .doc = "What hosts answer is in the log."},
    {"outputLogFile", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Whether the file `log` is kept."},
    {"autoInstallPythonRequirements", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",
     .doc = "Whether what requirements.txt names is installed."},
    {"autoInstallGalaxyRequirements", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",
     .doc = "Whether what requirements.yml names is installed."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"cytopia/ansible:latest-tools\""),
    {},
};

const Type task_ansible_cli = {
    COMMAND_TYPE,
    .name = "io.kestra.plugin.ansible.cli.AnsibleCLI",
    .title = "Run commands of Ansible.",
    .examples = (const char *const[]){"id: hosts\n"
                                      "type: io.kestra.plugin.ansible.cli.AnsibleCLI\n"
                                      "inputFiles:\n"
                                      "  inventory.ini: \"localhost ansible_connection=local\\n\"\n"
                                      "  site.yml: \"{{ read('site.yml') }}\"\n"
                                      "commands:\n"
                                      "  - ansible-playbook -i inventory.ini site.yml\n",
                                      NULL},
    .fields = ansible_fields,
    .row =
        &(const CommandLine){
            .files = (const CommandFile[]){{"ansibleConfig", "ansible.cfg", NULL}, {}},
            .steps =
                (const CommandStep[]){{"outputLogFile", "export ANSIBLE_LOG_PATH=\"$WORKING_DIR/log\""},
                                      {"autoInstallPythonRequirements",
                                       "[ ! -f requirements.txt ] || pip install --no-cache-dir -r requirements.txt"},
                                      {"autoInstallGalaxyRequirements",
                                       "[ ! -f requirements.yml ] || ansible-galaxy install -r requirements.yml"},
                                      {}},
            .output_files = (const char *const[]){"log", NULL},
            .output_property = "outputLogFile",
        },
};

/* --- clouds --- */

static const char *const aws_formats[] = {"JSON", "TEXT", "TABLE", "YAML", NULL};
static const char *const aws_sources[] = {"ENVIRONMENT", "EC2_INSTANCE_METADATA", "ECS_CONTAINER", NULL};
static const Field aws_fields[] = {
    COMMAND_FIELD,
    COMMAND_TEXT("accessKeyId", "Key of who asks."),
    COMMAND_TEXT("secretKeyId", "Its secret."),
    COMMAND_TEXT("sessionToken", "Token of a session."),
    COMMAND_TEXT("region", "Region."),
    COMMAND_TEXT("endpointOverride", "Address of another service that speaks the same."),
    COMMAND_TEXT("stsRoleArn", "Role that is taken."),
    COMMAND_TEXT("stsRoleExternalId", "External identifier of the role."),
    COMMAND_TEXT("stsRoleSessionName", "Name of the role's session."),
    COMMAND_TEXT("stsRoleSessionDuration", "How long the role's session lasts, in seconds."),
    COMMAND_TEXT("stsEndpointOverride", "Address of another STS."),
    {"stsCredentialSource", FIELD_ENUM, FIELD_DYNAMIC, .values = aws_sources, .doc = "Where the role's keys are from."},
    {"outputFormat", FIELD_ENUM, FIELD_DYNAMIC, .values = aws_formats, .fallback = "\"JSON\"",
     .doc = "How the answers look."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"amazon/aws-cli\""),
    {},
};

const Type task_aws_cli = {
    COMMAND_TYPE,
    .name = "io.kestra.plugin.aws.cli.AwsCLI",
    .title = "Run commands of the AWS command line.",
    .examples = (const char *const[]){"id: buckets\n"
                                      "type: io.kestra.plugin.aws.cli.AwsCLI\n"
                                      "accessKeyId: \"{{ secret('AWS_KEY') }}\"\n"
                                      "secretKeyId: \"{{ secret('AWS_SECRET') }}\"\n"
                                      "region: eu-central-1\n"
                                      "commands:\n"
                                      "  - aws s3api list-buckets > buckets.json\n"
                                      "outputFiles:\n"
                                      "  - buckets.json\n",
                                      NULL},
    .fields = aws_fields,
    .row =
        &(const CommandLine){
            .variables = (const CommandVariable[]){{"accessKeyId", "AWS_ACCESS_KEY_ID", false},
                                                   {"secretKeyId", "AWS_SECRET_ACCESS_KEY", false},
                                                   {"sessionToken", "AWS_SESSION_TOKEN", false},
                                                   {"region", "AWS_DEFAULT_REGION", false},
                                                   {"endpointOverride", "AWS_ENDPOINT_URL", false},
                                                   {"stsEndpointOverride", "AWS_ENDPOINT_URL_STS", false},
                                                   {"outputFormat", "AWS_DEFAULT_OUTPUT", true},
                                                   {"stsRoleArn", "KESTRA_ROLE_ARN", false},
                                                   {"stsRoleExternalId", "KESTRA_ROLE_EXTERNAL_ID", false},
                                                   {"stsRoleSessionName", "KESTRA_ROLE_SESSION_NAME", false},
                                                   {"stsRoleSessionDuration", "KESTRA_ROLE_SESSION_DURATION", false},
                                                   {"stsCredentialSource", "KESTRA_CREDENTIAL_SOURCE", true},
                                                   {}},
            .steps =
                (const CommandStep[]){
                    {"stsRoleArn", "aws configure set role_arn \"$KESTRA_ROLE_ARN\""},
                    {"stsRoleSessionName", "aws configure set role_session_name \"$KESTRA_ROLE_SESSION_NAME\""},
                    {"stsRoleExternalId", "aws configure set external_id \"$KESTRA_ROLE_EXTERNAL_ID\""},
                    {"stsRoleSessionDuration", "aws configure set duration_seconds \"$KESTRA_ROLE_SESSION_DURATION\""},
                    {"stsCredentialSource",
                     "case $KESTRA_CREDENTIAL_SOURCE in ecs*) aws configure set credential_source EcsContainer;; "
                     "ec2*) aws configure set credential_source Ec2InstanceMetadata;; "
                     "*) aws configure set credential_source Environment;; esac"},
                    {}},
        },
};

static const Field gcloud_fields[] = {
    COMMAND_FIELD,
    COMMAND_TEXT("serviceAccount", "Key of the service account, as JSON."),
    COMMAND_TEXT("projectId", "Project."),
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"google/cloud-sdk\""),
    {},
};

const Type task_gcloud_cli = {
    COMMAND_TYPE,
    .name = "io.kestra.plugin.gcp.cli.GCloudCLI",
    .title = "Run commands of the Google Cloud command line.",
    .fields = gcloud_fields,
    .row =
        &(const CommandLine){
            .variables = (const CommandVariable[]){{"projectId", "CLOUDSDK_CORE_PROJECT", false}, {}},
            .files =
                (const CommandFile[]){{"serviceAccount", ".service-account.json",
                                       "export GOOGLE_APPLICATION_CREDENTIALS=\"$WORKING_DIR/.service-account.json\" "
                                       "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=\"$WORKING_DIR/.service-account."
                                       "json\""},
                                      {}},
        },
};

static const Field az_fields[] = {
    COMMAND_FIELD,
    COMMAND_TEXT("username", "Who logs in."),
    COMMAND_TEXT("password", "Password."),
    COMMAND_TEXT("tenant", "Tenant."),
    {"servicePrincipal", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false",
     .doc = "Whether it is a service principal."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"mcr.microsoft.com/azure-cli\""),
    {},
};

const Type task_az_cli = {
    COMMAND_TYPE,
    .name = "io.kestra.plugin.azure.cli.AzCLI",
    .title = "Run commands of the Azure command line.",
    .fields = az_fields,
    .row =
        &(const CommandLine){
            .variables = (const CommandVariable[]){{"username", "KESTRA_AZ_USER", false},
                                                   {"tenant", "KESTRA_AZ_TENANT", false},
                                                   {"servicePrincipal", "KESTRA_AZ_PRINCIPAL", true},
                                                   {}},
            .files = (const CommandFile[]){{"password", ".az-password", NULL}, {}},
            /* az takes @FILE for a value: the password is in no list of processes */
            .steps = (const CommandStep[]){{"username", "set --\n"
                                                        "[ ! -f .az-password ] || set -- \"$@\" -p @.az-password\n"
                                                        "[ -z \"${KESTRA_AZ_TENANT-}\" ] || set -- \"$@\" --tenant "
                                                        "\"$KESTRA_AZ_TENANT\"\n"
                                                        "[ \"$KESTRA_AZ_PRINCIPAL\" != true ] || set -- \"$@\" "
                                                        "--service-principal\n"
                                                        "az login -u \"$KESTRA_AZ_USER\" \"$@\"\n"
                                                        "set --"},
                                           {}},
        },
};

/* --- others: an image and no more --- */

#define PLAIN_TOOL(SYMBOL, NAME, TITLE, IMAGE, ...)                                                                    \
    static const Field SYMBOL##_fields[] = {COMMAND_FIELD, SCRIPT_FIELDS(SCRIPT_SHELL, "\"" IMAGE "\""), {}};          \
    const Type SYMBOL = {COMMAND_TYPE, .name = (NAME), .title = (TITLE), .fields = SYMBOL##_fields,                    \
                         .row = &(const CommandLine){__VA_ARGS__}}

PLAIN_TOOL(task_sqlmesh_cli, "io.kestra.plugin.sqlmesh.cli.SQLMeshCLI", "Run commands of SQLMesh.",
           "ghcr.io/kestra-io/sqlmesh");
PLAIN_TOOL(task_modal_cli, "io.kestra.plugin.modal.cli.ModalCLI", "Run commands of Modal.", "ghcr.io/kestra-io/modal");
PLAIN_TOOL(task_cloudquery_cli, "io.kestra.plugin.cloudquery.CloudQueryCLI", "Run commands of CloudQuery.",
           "ghcr.io/cloudquery/cloudquery",
           .steps = (const CommandStep[]){{NULL, "[ ! -x /app/cloudquery ] || alias cloudquery=/app/cloudquery"}, {}});
PLAIN_TOOL(task_trivy_cli, "io.kestra.plugin.trivy.cli.TrivyCLI", "Run commands of Trivy.",
           "ghcr.io/aquasecurity/trivy");
PLAIN_TOOL(task_spark_cli, "io.kestra.plugin.spark.SparkCLI", "Run commands of Apache Spark.",
           "apache/spark:4.0.1-java21-r",
           .steps = (const CommandStep[]){{NULL, "export PATH=\"$PATH:/opt/spark/bin\""}, {}});
