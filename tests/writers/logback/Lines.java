import ch.qos.logback.classic.LoggerContext;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs the lines of stdin. */
public class Lines {
    public static void main(String[] arguments) throws Exception {
        Logger log = LoggerFactory.getLogger("shop.Orders");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String level = line.substring(0, line.indexOf(' '));
            String text = line.substring(level.length() + 1);
            switch (level) {
                case "warn" -> log.warn(text);
                case "error" -> log.error(text);
                case "trace" -> log.error(text, new IllegalStateException("no such order"));
                default -> log.info(text);
            }
        }
        ((LoggerContext) LoggerFactory.getILoggerFactory()).stop();
    }
}
