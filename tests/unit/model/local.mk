MODEL_INPUT_CHECK = tests/unit/model/check_input
check_PROGRAMS += $(MODEL_INPUT_CHECK)
TESTS += $(MODEL_INPUT_CHECK)
tests_unit_model_check_input_LDADD = $(LIBS_MODEL) $(TESTS_LDADD_CHECK)

check_PROGRAMS += tests/unit/model/check_execution
TESTS += tests/unit/model/check_execution
tests_unit_model_check_execution_LDADD = $(LIBS_MODEL) $(TESTS_LDADD_CHECK)
