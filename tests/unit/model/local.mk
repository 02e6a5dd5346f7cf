MODEL_INPUT_CHECK = tests/unit/model/check_input
check_PROGRAMS += $(MODEL_INPUT_CHECK)
TESTS += $(MODEL_INPUT_CHECK)
tests_unit_model_check_input_LDADD = $(LIBS_MODEL) $(TESTS_LDADD_CHECK)
