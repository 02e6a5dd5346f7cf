// SPDX-License-Identifier: Apache-2.0
// CodeMirror 5 out of Debian's libjs-codemirror, with the parts that the editor uses.
import CodeMirror from "codemirror/lib/codemirror.js";
import "codemirror/mode/yaml/yaml.js";
import "codemirror/addon/comment/comment.js";
import "codemirror/addon/dialog/dialog.js";
import "codemirror/addon/edit/closebrackets.js";
import "codemirror/addon/edit/matchbrackets.js";
import "codemirror/addon/fold/foldcode.js";
import "codemirror/addon/fold/foldgutter.js";
import "codemirror/addon/fold/indent-fold.js";
import "codemirror/addon/hint/show-hint.js";
import "codemirror/addon/search/jump-to-line.js";
import "codemirror/addon/search/match-highlighter.js";
import "codemirror/addon/search/search.js";
import "codemirror/addon/search/searchcursor.js";

export default CodeMirror;
